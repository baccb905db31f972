"""Each check passes where attributions tell of something learned, and fails where they do not."""

import numpy as np
import pandas as pd
import pytest

from mgi.core.run import PERMUTED_PAIRS
from mgi.explain.checks import CHECKS, check_rows, permuted_rows, stability_rows
from mgi.explain.tables import DELETION_TABLE

RNG = np.random.default_rng(0)
GENES = RNG.gamma(0.5, size=200)
LEARNED = GENES * RNG.normal(size=(8, 200))
OTHER = RNG.permutation(GENES) * RNG.normal(size=(8, 200))
NO_MAPS = pd.DataFrame(columns=["own", "other", "null"])


def curves(own: float, value: str = "similarity") -> pd.DataFrame:
    """The answer is left at `own` by the strongest genes and at 0.9 by random ones."""
    rows = [
        ("run", value, order, share, left, 8)
        for order, half in (("own", own), ("random", 0.9))
        for share, left in ((0.0, 1.0), (0.5, half), (1.0, 0.0))
    ]
    return pd.DataFrame(rows, columns=DELETION_TABLE)


def by_check(rows) -> dict[str, tuple[float, str]]:
    table = pd.DataFrame(list(rows), columns=CHECKS)
    return {row.check: (row.found, row.passed) for row in table.itertuples()}


def found_of(attributions, random=OTHER, noisy=LEARNED + 0.01, **more):
    rows = [("similarity", "ig", "trained", LEARNED), ("similarity", "ig_noise", "trained", noisy)]
    return attributions([*rows, ("similarity", "ig", "random_weights", random)], **more)


def test_attributions_of_something_learned_pass_all(attributions) -> None:
    found = by_check(check_rows(found_of(attributions), curves(0.1), NO_MAPS))
    assert {check: passed for check, (_, passed) in found.items()} == {
        "completeness": "yes", "random_weights": "yes", "random_weights_signed": "yes", "noise": "yes",
        "deletion": "yes",
    }  # fmt: skip
    assert found["deletion"][0] == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("change", "own", "fails"),
    [
        ({"random": LEARNED}, 0.1, {"random_weights", "random_weights_signed"}),
        ({"random": -LEARNED}, 0.1, {"random_weights", "random_weights_signed"}),
        ({"random": np.abs(LEARNED) * RNG.choice([-1, 1], LEARNED.shape)}, 0.1, {"random_weights"}),
        ({"noisy": OTHER}, 0.1, {"noise"}),
        ({"error": 0.02}, 0.1, {"completeness"}),
        ({}, 0.95, {"deletion"}),
    ],
    ids=["same", "turned", "same genes", "noise", "incomplete", "slower"],
)
def test_a_check_fails_when_it_should(attributions, change, own: float, fails: set[str]) -> None:
    found = by_check(check_rows(found_of(attributions, **change), curves(own), NO_MAPS))
    assert {check for check, (_, passed) in found.items() if passed == "no"} == fails


def test_permuted_pairs_that_rank_the_genes_alike_do_not_pass(attributions, run_named) -> None:
    permuted = run_named(control="permuted-pairs")
    trained = found_of(attributions)
    alike = attributions([("similarity", "ig", "trained", 2 * LEARNED)], run=permuted)
    other = attributions([("similarity", "ig", "trained", OTHER)], run=permuted)
    assert by_check(permuted_rows([trained, alike]))["permuted_pairs"] == (pytest.approx(1, abs=0.01), "no")
    assert by_check(permuted_rows([trained, other]))["permuted_pairs"][1] == "yes"
    both = by_check(permuted_rows([trained, alike, other]))["permuted_pairs"][0]
    each = [by_check(permuted_rows([trained, one]))["permuted_pairs"][0] for one in (alike, other)]
    assert both == pytest.approx(sum(each) / 2, abs=1e-4)
    assert by_check(permuted_rows([trained])) == {}


def test_stability_needs_two_runs_and_no_control_counts(attributions, run_named) -> None:
    one, two = found_of(attributions), found_of(attributions, run=run_named(seed=1))
    control = found_of(attributions, random=LEARNED, run=run_named(control="permuted-pairs"))
    assert by_check(stability_rows([one, control])) == {}
    assert by_check(stability_rows([one, two, control]))["stability"] == (pytest.approx(1), "")


def test_attention_is_compared_with_other_genes_and_patients_left_out_are_counted(attributions) -> None:
    maps = pd.DataFrame(
        {"own": [np.array([0.1, 0.9])], "other": [np.array([0.2, 0.8])], "null": [np.array([0.9, 0.1])]}
    )
    given = attributions([("mask", "ig", "trained", LEARNED)], without_predicted_tumour=["P9"])
    found = by_check(check_rows(given, curves(0.1, "mask"), maps))
    assert found["without_predicted_tumour"] == (1, "")
    assert found["attention_other"][0] == pytest.approx(1)
    assert found["attention_null"][0] == pytest.approx(-1)


def test_what_preparation_favours_is_alike_on_permuted_pairs_but_not_over_random_weights(
    attributions, run_named
) -> None:
    """Genes that every network favours make rankings alike; what is learned beyond them does not."""
    favoured = RNG.gamma(0.5, size=200)
    permuted_run = run_named(control=PERMUTED_PAIRS)

    def attributed() -> np.ndarray:
        return favoured * RNG.gamma(4.0, size=200) * RNG.choice((-1, 1), (8, 200))

    def checked(trained: np.ndarray, permuted: np.ndarray) -> dict[str, tuple[float, str]]:
        runs = []
        for own, run in ((trained, None), (permuted, permuted_run)):
            draws = [("similarity", "ig", "random_weights", attributed()) for _ in range(10)]
            runs.append(attributions([("similarity", "ig", "trained", own), *draws], run=run))
        return by_check(permuted_rows(runs))

    learned = attributed()
    found = checked(learned, attributed())
    assert (found["permuted_pairs"][1], found["permuted_pairs_relative"][1]) == ("no", "yes")
    assert checked(learned, -learned)["permuted_pairs_relative"][1] == "no"


SIZES = np.concatenate([RNG.gamma(0.5, size=1000), 20 * RNG.gamma(0.5, size=1000)])


@pytest.mark.parametrize(("same", "passed"), [(False, "yes"), (True, "no")])
def test_within_a_modality_random_weights_are_compared_given_the_size_of_its_numbers(
    attributions, same: bool, passed: str
) -> None:
    known, about = SIZES * RNG.normal(size=(40, 2000)), {"modalities": {"a": 1000, "b": 1000}}
    weights = np.exp(RNG.normal(size=2000)) if same else np.ones(2000)  # what both networks would have learned
    drawn = [known * weights, SIZES * weights * RNG.normal(size=(40, 2000))]
    rows = [
        ("similarity", "ig", network, own) for network, own in zip(("trained", "random_weights"), drawn, strict=True)
    ]
    found = by_check(check_rows(attributions(rows, **about, input_sizes=SIZES.tolist()), curves(0.1), NO_MAPS))
    assert found["random_weights"][0] > 0.5  # sizes alone make it so, and it is no check
    assert found["random_weights"][1] == ""
    assert (found["random_weights_a"][1], found["random_weights_b"][1]) == (passed, passed)
