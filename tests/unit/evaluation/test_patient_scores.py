import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.evaluation.patient_scores import REPEATED, as_trained, per_patient, per_test, values_of

DEFINITIONS = ["volume"]


def long_row(given: str, seed: int, value: float, **changes: object) -> dict[str, object]:
    row = {"run": f"mgi-fold0-seed{seed}", "task": "segmentation", "method": "mgi", "expression_input": given,
           "fold": 0, "seed": seed, "patient_id": "TCGA-CS-0001", "definition": "volume", "value": value}  # fmt: skip
    return {**row, **changes}


def test_seeds_weigh_the_same_however_many_permutations_they_drew() -> None:
    rows = [long_row("permuted-0", 0, 0.2), long_row("permuted-1", 0, 0.4), long_row("permuted-0", 1, 0.9)]
    table = per_patient(pd.DataFrame(rows), DEFINITIONS)
    assert table["expression_input"].tolist() == ["permuted"]
    assert table["seeds"].tolist() == [2]
    assert table["volume"].tolist() == [pytest.approx((0.3 + 0.9) / 2)]


def test_a_patient_tested_in_two_folds_of_one_seed_is_refused() -> None:
    rows = [long_row("own", 0, 0.5), long_row("own", 0, 0.6, run="mgi-fold1-seed0", fold=1)]
    with pytest.raises(BadInputError, match=r"TCGA-CS-0001 .*mgi-fold0-seed0 and mgi-fold1-seed0"):
        per_patient(pd.DataFrame(rows), DEFINITIONS)


def test_methods_are_compared_with_the_genes_they_were_made_for() -> None:
    rows = [
        long_row("own", 0, 0.8),
        long_row("permuted-0", 0, 0.5),
        long_row("not_used", 0, 0.6, method="unet", run="unet-fold0-seed0"),
    ]
    table = per_patient(pd.DataFrame(rows), DEFINITIONS)
    assert as_trained(table)[["method", "expression_input"]].to_numpy().tolist() == [
        ["mgi", "own"],
        ["unet", "not_used"],
    ]
    assert values_of(table, "mgi", "own", "volume").to_dict() == {"TCGA-CS-0001": 0.8}


def test_no_scores_give_an_empty_table_with_its_columns() -> None:
    assert {"method", "expression_input", "patient_id", "volume"} <= set(
        per_patient(pd.DataFrame(), DEFINITIONS).columns
    )


def test_tests_of_a_patient_stay_apart_where_a_score_is_of_the_cohort() -> None:
    rows = [
        {"run": f"r{seed}", "task": "t", "method": "mgi", "expression_input": given, "fold": 1, "seed": seed,
         "patient_id": patient, "definition": "risk", "value": float(seed)}
        for seed in (0, 1)
        for given in ("own", "permuted-0", "permuted-1")
        for patient in ("A", "B")
    ]  # fmt: skip
    table = per_test(pd.DataFrame(rows))
    assert len(table) == 12
    assert list(table.columns) == [*REPEATED, "risk"]
    permuted = table[table["expression_input"] == "permuted"]
    assert set(zip(permuted["permutation"], permuted["seed"], strict=True)) == {(0, 0), (0, 1), (1, 0), (1, 1)}
