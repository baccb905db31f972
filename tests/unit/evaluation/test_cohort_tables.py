import math

import pandas as pd
import pytest

from mgi.commands.compare import _results
from mgi.evaluation.cohort_tables import RESULT_COLUMNS, audit_table, paired_tests
from mgi.tasks.segmentation import scoring


def results(patients: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    return _results(patients, scoring, draws=draws, seed=seed)


def patient_rows(method: str, given: str, values: list[float]) -> list[dict[str, object]]:
    """Patients whose every score is the given value; voxel counts make a pooled Dice of .5."""
    counts = {"overlap_voxels": 10.0, "predicted_voxels": 20.0, "true_voxels": 20.0}
    return [
        {"task": "segmentation", "method": method, "expression_input": given, "patient_id": f"TCGA-CS-{i:04}",
         "seeds": 1, **dict.fromkeys(scoring.definitions, value), **counts}
        for i, value in enumerate(values)
    ]  # fmt: skip


@pytest.fixture
def patients() -> pd.DataFrame:
    rows = patient_rows("mgi", "own", [0.9, 0.7, 0.5, 0.0])
    rows += patient_rows("mgi", "permuted", [0.8, 0.6, 0.4, -0.1])
    rows += patient_rows("mgi-no-genes", "not_used", [0.9, 0.7, 0.5, 0.0])
    rows += patient_rows("unet", "not_used", [0.5, 0.6, 0.45])
    return pd.DataFrame(rows)


def row_of(table: pd.DataFrame, **wanted: str) -> pd.Series:
    for column, value in wanted.items():
        table = table[table[column] == value]
    assert len(table) == 1
    return table.iloc[0]


def test_a_row_says_mean_spread_and_failures(patients: pd.DataFrame) -> None:
    row = row_of(results(patients, 200, 0), method="mgi", expression_input="own", definition="volume")
    assert row["mean"] == pytest.approx(0.525)
    assert row["median"] == pytest.approx(0.6)
    assert (row["q1"], row["q3"]) == (pytest.approx(0.375), pytest.approx(0.75))
    assert (row["n"], row["below_half"], row["zero"]) == (4, 1, 1)
    assert row["low"] < row["mean"] < row["high"]


def test_the_pooled_row_is_a_ratio_and_has_no_median(patients: pd.DataFrame) -> None:
    row = row_of(results(patients, 200, 0), method="unet", definition="pooled")
    assert row["mean"] == pytest.approx(0.5)
    assert math.isnan(row["median"])
    assert pd.isna(row["zero"])


def test_failures_are_counted_for_dice_only(patients: pd.DataFrame) -> None:
    table = results(patients, 50, 0)
    assert list(table.columns) == [*RESULT_COLUMNS, "below_half", "zero"]
    assert pd.isna(row_of(table, method="unet", definition="hd95_px")["below_half"])


def test_undefined_distances_lower_the_count(patients: pd.DataFrame) -> None:
    patients.loc[0, "hd95_px"] = math.nan
    assert row_of(results(patients, 50, 0), method="mgi", expression_input="own", definition="hd95_px")["n"] == 3


def test_every_method_is_paired_with_mgi_on_the_patients_of_both(patients: pd.DataFrame) -> None:
    table = paired_tests(patients, "volume", 200, 0).set_index("method")
    assert list(table.index) == ["mgi-no-genes", "unet"]
    assert table.loc["unet", "difference"] == pytest.approx((0.4 + 0.1 + 0.05) / 3)
    assert table.loc["unet", "n"] == 3
    assert table.loc["unet", "p"] == pytest.approx(2 / 8)
    assert table.loc["unet", "p_holm"] == pytest.approx(2 * 2 / 8)
    assert table.loc["mgi-no-genes", "p"] == 1.0


def test_reordering_patients_changes_nothing(patients: pd.DataFrame) -> None:
    shuffled = patients.sample(frac=1, random_state=1)
    ordered = shuffled.sort_values(["method", "expression_input", "patient_id"])
    pd.testing.assert_frame_equal(paired_tests(ordered, "volume", 50, 0), paired_tests(shuffled, "volume", 50, 0))
    pd.testing.assert_frame_equal(audit_table(ordered, "volume", 50, 0), audit_table(shuffled, "volume", 50, 0))


def test_the_audit_pairs_own_expression_with_each_other_kind(patients: pd.DataFrame) -> None:
    table = audit_table(patients, "volume", 200, 0).set_index("condition")
    assert list(table.index) == ["own", "permuted", "no-genes"]
    assert math.isnan(table.loc["own", "difference"])
    assert table.loc["permuted", "difference"] == pytest.approx(0.1)
    assert table.loc["permuted", "low"] == pytest.approx(0.1)  # every patient loses the same
    assert table.loc["no-genes", "difference"] == 0.0
    assert table.loc["own", "n"] == 4


def test_without_mgi_there_is_nothing_to_audit(patients: pd.DataFrame) -> None:
    baselines = patients[patients["method"] == "unet"]
    assert audit_table(baselines, "volume", 50, 0).empty
    assert paired_tests(baselines, "volume", 50, 0).empty
