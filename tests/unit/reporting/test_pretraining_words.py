from dataclasses import replace

import pandas as pd
import pytest

from mgi.reporting.pretraining_words import failed_pretrainings, pretraining_sentences
from mgi.reporting.results import RunCurve


def curve(*losses: float, run: str = "pretrain-fold0-seed0", method: str | None = None) -> RunCurve:
    """A validation every 25 steps, beside a guess of 3.61."""
    points = [
        {"step": 25 * at, "loss_above_min": loss, "chance_loss_above_min": 3.61} for at, loss in enumerate(losses)
    ]
    return RunCurve(run, method, pd.DataFrame(points))


def test_a_loss_that_rises_above_a_guess_is_a_failure_in_words_with_its_figures() -> None:
    (sentence,) = failed_pretrainings([curve(3.68, 4.1, 4.84)], "last")
    assert sentence == (
        "Pre-training (pretrain) failed: the loss on validation patients, above its minimum, went from 3.680 to 4.840, "
        "and was never below that of a guess (3.610)."
    )


@pytest.mark.parametrize(("keep", "kept"), [("last", False), ("lowest_loss", True)])
def test_a_loss_that_was_lower_for_a_while_names_the_step_and_which_weights_are_kept(keep: str, kept: bool) -> None:
    (sentence,) = failed_pretrainings([curve(3.68, 3.2, 3.7)], keep)
    assert "ended no better than a guess" in sentence
    assert "Its lowest was 3.200 at step 25" in sentence
    assert ("the weights of that step were kept" in sentence) is kept


def test_what_ends_below_a_guess_has_not_failed() -> None:
    curves = [curve(3.68, 3.2, 2.9)]
    assert failed_pretrainings(curves, "last") == []
    (sentence,) = pretraining_sentences(curves, "last")
    assert "above its minimum, went from 3.680 to 2.900; that of a guess is 3.610." in sentence


def test_folds_of_one_kind_share_a_sentence_and_another_kind_has_its_own() -> None:
    curves = [
        curve(3.68, 2.9),
        curve(3.68, 4.0, run="pretrain-fold1-seed0"),
        curve(3.68, 2.8, run="pretrain-simclr-fold0-seed0"),
    ]
    first, second = pretraining_sentences(curves, "last")
    assert "(pretrain) failed in 1 of 2 runs" in first
    assert "in pretrain-fold1-seed0" in first
    assert "(pretrain-simclr) ended better" in second
    assert failed_pretrainings(curves, "last") == [first]


def test_curves_of_a_task_and_those_without_a_guess_beside_them_say_nothing() -> None:
    without = RunCurve("pretrain-fold0-seed0", None, pd.DataFrame([{"step": 0, "loss_above_min": 9.0}]))
    assert pretraining_sentences([curve(9.0, method="mgi"), without], "last") == []


def test_a_control_of_permuted_pairs_has_not_failed_where_it_learns_nothing() -> None:
    null = replace(curve(3.68, 4.1, 4.84, run="pretrain-permuted-pairs-fold0-seed0"), is_null=True)
    assert failed_pretrainings([null], "last") == []
    (sentence,) = pretraining_sentences([null], "last")
    assert "(pretrain-permuted-pairs) learned nothing" in sentence
    assert sentence.endswith("it is a control, and should learn nothing.")
