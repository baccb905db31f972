import pandas as pd
import pytest

from mgi.tasks.segmentation.paper_like import paper_like_table, watermark

DRAWS = {"draws": 100, "seed": 0}


def case(patient: str, slices: float, lenient: float, **changes: object) -> list[dict[str, object]]:
    """One patient's scores under one run, in the long table."""
    row = {"split_unit": "patient", "method": "unet", "expression_input": "not_used", "fold": 0, "seed": 0,
           "patient_id": patient, **changes}  # fmt: skip
    values = {"slices": slices, "slice_all_empty_one": lenient, "slice_five_thresholds": lenient, "volume": 0.5}
    if row["split_unit"] == "slice":
        del values["volume"]
    return [{**row, "definition": name, "value": value} for name, value in values.items()]


def test_the_mean_is_over_slices_and_the_headline_over_patients() -> None:
    scores = pd.DataFrame([*case("A", 30, 0.9), *case("B", 10, 0.5)])
    table = paper_like_table(scores, **DRAWS).set_index("definition")
    assert table.loc["slice_all_empty_one", "mean"] == pytest.approx((30 * 0.9 + 10 * 0.5) / 40)
    assert table.loc["volume", "mean"] == 0.5
    assert table["slices"].tolist() == [40, 40, 40]
    assert table["patients"].tolist() == [2, 2, 2]


def test_every_number_that_must_not_be_compared_says_why() -> None:
    scores = pd.DataFrame([*case("A", 30, 0.9), *case("A", 6, 0.95, split_unit="slice")])
    table = paper_like_table(scores, **DRAWS).set_index(["split_unit", "definition"])["watermark"]
    assert table.to_dict() == {
        ("patient", "slice_five_thresholds"): "NOT comparable: counts empty slices as 1",
        ("patient", "slice_all_empty_one"): "NOT comparable: counts empty slices as 1",
        ("patient", "volume"): "",
        ("slice", "slice_five_thresholds"): "NOT comparable: leaks patients across the split; counts empty slices as 1",
        ("slice", "slice_all_empty_one"): "NOT comparable: leaks patients across the split; counts empty slices as 1",
    }
    assert watermark("slice", "volume") == "NOT comparable: leaks patients across the split"


def test_permutations_and_seeds_are_averaged_and_folds_of_one_patient_weigh_by_their_slices() -> None:
    drawn = {"method": "mgi", "split_unit": "slice"}
    scores = pd.DataFrame(
        [
            *case("A", 4, 0.2, expression_input="permuted-0", **drawn),
            *case("A", 4, 0.4, expression_input="permuted-1", **drawn),
            *case("A", 6, 0.8, expression_input="permuted-0", fold=1, **drawn),
        ]
    )
    (mean,) = paper_like_table(scores, **DRAWS).query("definition == 'slice_all_empty_one'")["mean"]
    assert mean == pytest.approx((4 * 0.3 + 6 * 0.8) / 10)


def test_a_patient_without_a_tested_slice_counts_for_nothing() -> None:
    scores = pd.DataFrame([*case("A", 5, 0.6, split_unit="slice"), *case("B", 0, float("nan"), split_unit="slice")])
    table = paper_like_table(scores, **DRAWS)
    assert table["mean"].tolist() == pytest.approx([0.6, 0.6])
    assert table["patients"].tolist() == [1, 1]
