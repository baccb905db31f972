import numpy as np
import pytest
import torch

from mgi.core.errors import BadInputError
from mgi.explain.answers import as_measured
from mgi.explain.patients import explain_patient, seed_of
from mgi.explain.settings import ExplainSettings
from mgi.explain.subjects import MaskSubject, PretrainingSubject

SETTINGS = ExplainSettings(noise_samples=2)
GENES = torch.randn(10, generator=torch.Generator().manual_seed(3))
ZEROS = torch.zeros(10)


class Known:
    """A subject of one answer."""

    def __init__(self, answer) -> None:
        self.answer = answer

    def answers(self, patient: int):
        return {"similarity": self.answer}

    def at_once(self, patient: int) -> int:
        return 8


def explained(subject, **more):
    given = {"where": "run: P", "trained": True} | more
    return explain_patient(subject, 0, GENES, ZEROS, SETTINGS, **given)


def test_a_planted_linear_network_gives_its_weights_times_the_values() -> None:
    weights = torch.arange(10.0) - 4
    rows = explained(Known(lambda genes: genes @ weights)).attributions
    assert [row["method"] for row in rows] == ["ig", "ig_noise"]
    np.testing.assert_allclose(rows[0]["attributions"], (weights * GENES).numpy(), atol=1e-6)
    assert rows[0]["change"] == pytest.approx(float(weights @ GENES), abs=1e-5)


def test_random_weights_are_explained_without_noise_and_without_deletion() -> None:
    found = explained(Known(lambda genes: genes.sum(1)), trained=False)
    assert [row["method"] for row in found.attributions] == ["ig"]
    assert found.deletions == []


def test_a_patient_is_explained_alike_whoever_else_is() -> None:
    answer = Known(lambda genes: torch.tanh(genes).sum(1) ** 2)
    first, again, other = (explained(answer, where=f"run: {name}").attributions[1] for name in ("P", "P", "Q"))
    assert np.array_equal(first["attributions"], again["attributions"])
    assert not np.array_equal(first["attributions"], other["attributions"])
    assert seed_of(0, "a", "b") == seed_of(0, "a", "b") != seed_of(1, "a", "b")


def test_an_answer_that_jumps_is_refused_with_run_patient_and_value() -> None:
    with pytest.raises(BadInputError, match=r"^run: P: similarity: explain: attributions add up to"):
        explained(Known(lambda genes: torch.round(genes).sum(1)))


def test_a_patient_without_a_predicted_mask_has_nothing_to_explain(segmenter) -> None:
    shown = [None, (torch.zeros(3, 1, 16, 16), torch.ones(3, 1, 16, 16))]
    subject = MaskSubject(segmenter, shown, lambda _: as_measured)
    assert subject.answers(0) == {}
    assert explained(subject).attributions == []
    assert list(subject.answers(1)) == ["mask"]
    assert subject.at_once(1) == 21  # slices of all points are decoded together


def test_a_pretraining_answers_what_is_asked(encoders) -> None:
    images = torch.zeros(2, 1, 16, 16)
    for values in (("contrast",), ("contrast", "similarity")):
        subject = PretrainingSubject(encoders, images, images, values=values, temperature=0.1, read=as_measured)
        assert tuple(subject.answers(0)) == values
