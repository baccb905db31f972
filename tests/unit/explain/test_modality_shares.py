import numpy as np
import pandas as pd
import pytest

from mgi.explain.modality_shares import MODALITIES, MODALITIES_LOCAL, modality_local_rows, modality_rows
from mgi.explain.tables import Mean

VALUES = np.array([[3.0, -1.0, 4.0], [0.0, 0.0, -2.0], [0.0, 0.0, 0.0]])


def interval(values: np.ndarray) -> Mean:
    return Mean(float(values.mean()), float(values.min()), float(values.max()))


@pytest.fixture
def found(attributions):
    return attributions([("similarity", "ig", "trained", VALUES)], modalities={"rna": 1, "cn": 2})


def test_shares_and_changes_are_those_worked_by_hand(found) -> None:
    table = pd.DataFrame(list(modality_rows(found, interval)), columns=MODALITIES).set_index("modality")
    cn, rna = table.loc["cn"], table.loc["rna"]
    assert (cn["numbers"], cn["share"], cn["low"], cn["high"], cn["having"]) == (2, (0.5 + 0 + 0) / 3, 0, 0.5, 1)
    assert (rna["numbers"], rna["share"], rna["high"], rna["having"]) == (1, (0.5 + 1 + 0) / 3, 1, 2)
    assert (cn["change"], cn["change_low"], cn["change_high"]) == (pytest.approx(2 / 3), 0, 2)
    assert (rna["change"], rna["change_low"], rna["change_high"]) == (pytest.approx(2 / 3), -2, 4)
    assert set(table["patients"]) == {3}


def test_a_patients_modalities_come_by_their_share_without_those_that_are_missing(found) -> None:
    table = pd.DataFrame(list(modality_local_rows(found)), columns=MODALITIES_LOCAL)
    assert table[["patient_id", "modality", "share", "change"]].values.tolist() == [
        ["P0", "cn", 0.5, 2], ["P0", "rna", 0.5, 4], ["P1", "rna", 1, -2],
    ]  # fmt: skip


def test_of_expression_alone_there_is_no_row(attributions) -> None:
    alone = attributions([("mask", "ig", "trained", VALUES)])
    assert [*modality_rows(alone, interval), *modality_local_rows(alone)] == []
