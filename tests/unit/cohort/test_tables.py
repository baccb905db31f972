from dataclasses import replace
from pathlib import Path

import pytest

from mgi.cohort.pairing import CohortRow
from mgi.cohort.split import SplitRow
from mgi.cohort.tables import patients_with_role, read_cohort, read_split, write_cohort, write_split
from mgi.core.errors import BadInputError

ROW = CohortRow(
    patient_id="TCGA-AA-0001",
    site="AA",
    status="kept",
    reason=None,
    has_expression=True,
    has_image=True,
    has_mask=True,
    expression_key="e",
    aliquot=None,
    image_key="1.2",
    mask_keys=("1.3", "1.4"),
    n_slices=20,
    study_date="2001-02-03",
    notes="a\tb\nc",
    simulated=False,
)
SPLIT = [
    SplitRow(fold, patient, "AA", role)
    for fold, roles in enumerate([("train", "test"), ("test", "train")])
    for patient, role in zip(("TCGA-AA-0001", "TCGA-AA-0002"), roles, strict=True)
]


def test_the_cohort_is_read_as_written(tmp_path: Path) -> None:
    empty = replace(ROW, patient_id="TCGA-AA-0002", status="dropped", reason="no image", mask_keys=(), n_slices=None)
    write_cohort([ROW, empty], tmp_path / "c.parquet", tmp_path / "c.tsv")
    cohort = read_cohort(tmp_path / "c.parquet")
    assert cohort["patient_id"].tolist() == ["TCGA-AA-0001", "TCGA-AA-0002"]
    assert list(cohort["mask_keys"].iloc[0]) == ["1.3", "1.4"]
    assert list(cohort["mask_keys"].iloc[1]) == []
    assert cohort["reason"].isna().tolist() == [True, False]
    assert cohort["has_mask"].dtype == bool


def test_the_text_has_a_line_per_patient_whatever_the_notes_hold(tmp_path: Path) -> None:
    write_cohort([ROW], tmp_path / "c.parquet", tmp_path / "c.tsv")
    header, line = (tmp_path / "c.tsv").read_text().splitlines()
    row = dict(zip(header.split("\t"), line.split("\t"), strict=True))
    assert (row["notes"], row["mask_keys"], row["reason"], row["has_mask"]) == ("a b c", "1.3,1.4", "", "true")


def test_a_patient_twice_is_refused(tmp_path: Path) -> None:
    write_cohort([ROW, ROW], tmp_path / "c.parquet", tmp_path / "c.tsv")
    with pytest.raises(BadInputError, match="TCGA-AA-0001 occurs twice"):
        read_cohort(tmp_path / "c.parquet")


def test_roles_are_read_by_fold(tmp_path: Path) -> None:
    write_split(SPLIT, tmp_path / "s.parquet", tmp_path / "s.tsv")
    split = read_split(tmp_path / "s.parquet")
    assert patients_with_role(split, 0, "train") == ["TCGA-AA-0001"]
    assert patients_with_role(split, 1, "train") == ["TCGA-AA-0002"]
    assert patients_with_role(split, 1, "validation") == []
    with pytest.raises(BadInputError, match="fold 2"):
        patients_with_role(split, 2, "train")
    assert (tmp_path / "s.tsv").read_text().splitlines()[1] == "0\tTCGA-AA-0001\tAA\ttrain"


def test_two_roles_in_one_fold_are_refused(tmp_path: Path) -> None:
    write_split([*SPLIT, SplitRow(0, "TCGA-AA-0001", "AA", "test")], tmp_path / "s.parquet", tmp_path / "s.tsv")
    with pytest.raises(BadInputError, match="fold 0: TCGA-AA-0001 occurs twice"):
        read_split(tmp_path / "s.parquet")


def test_another_table_is_refused(tmp_path: Path) -> None:
    write_split(SPLIT, tmp_path / "s.parquet", tmp_path / "s.tsv")
    with pytest.raises(BadInputError, match="columns fold"):
        read_cohort(tmp_path / "s.parquet")
