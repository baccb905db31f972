from pathlib import Path

import pytest

from mgi.cohort.split import SplitRow
from mgi.cohort.tables import patients_with_role, read_cohort, read_split, write_split
from mgi.core.errors import BadInputError
from small_locks import cohort_row, write_cohort_table

SPLIT = [
    SplitRow(fold, patient, "AA", role)
    for fold, roles in enumerate([("train", "test"), ("test", "train")])
    for patient, role in zip(("TCGA-AA-0001", "TCGA-AA-0002"), roles, strict=True)
]


def test_roles_are_read_by_fold(tmp_path: Path) -> None:
    write_split(SPLIT, tmp_path / "s.parquet", tmp_path / "s.tsv")
    split = read_split(tmp_path / "s.parquet")
    assert patients_with_role(split, 0, "train") == ["TCGA-AA-0001"]
    assert patients_with_role(split, 1, "train") == ["TCGA-AA-0002"]
    assert patients_with_role(split, 1, "validation") == []
    with pytest.raises(BadInputError, match=r"split: fold 2.*\[0, 1\]"):
        patients_with_role(split, 2, "train")
    assert (tmp_path / "s.tsv").read_text().splitlines()[1] == "0\tTCGA-AA-0001\tAA\ttrain"


def test_two_roles_in_one_fold_are_refused(tmp_path: Path) -> None:
    write_split([*SPLIT, SplitRow(0, "TCGA-AA-0001", "AA", "test")], tmp_path / "s.parquet", tmp_path / "s.tsv")
    with pytest.raises(BadInputError, match=r"s\.parquet: fold 0: TCGA-AA-0001"):
        read_split(tmp_path / "s.parquet")


A, B = "TCGA-AA-0001", "TCGA-AA-0002"
ROW = cohort_row(A, flair="1.2", masks=("1.3", "1.4"), notes="a\tb\nc")


def test_the_cohort_is_read_as_written(tmp_path: Path) -> None:
    empty = cohort_row(B, flair=None, reason="no image")
    cohort = read_cohort(write_cohort_table([ROW, empty], tmp_path / "c.parquet"))
    table = cohort.table
    assert table["patient_id"].tolist() == [A, B]
    assert [list(keys) for keys in table["flair_mask_keys"]] == [["1.3", "1.4"], []]
    assert table["reason"].isna().tolist() == [True, False]
    assert table["flair_reason"].fillna("").tolist() == ["", "no image"]
    assert table["flair_mask"].dtype == bool
    assert (cohort.images, cohort.required, cohort.companions) == (
        ("flair",), ("rna", "flair"), {"rna": (), "flair": ("mask",)},
    )  # fmt: skip


def test_who_has_what_is_asked_of_the_required_modalities(tmp_path: Path) -> None:
    excluded = "excluded by the configuration"
    rows = [
        cohort_row("A", masks=("m",), site="x"),
        cohort_row("B", flair=None, reason="no image", site="x"),
        cohort_row("C", flair=None, reason=excluded, site="y"),
        cohort_row("D", rna=False, masks=("m",), reason="no expression", site="y"),
        cohort_row("E", rna=False, reason="no expression", site="y"),
        cohort_row("F", reason="no mask", site="y"),
    ]
    cohort = read_cohort(write_cohort_table(rows, tmp_path / "c.parquet"))
    assert cohort.kept == ["A"]
    assert cohort.with_tables_only() == ["B"]
    assert cohort.with_images_only() == ["D"]
    assert cohort.present("flair")["patient_id"].tolist() == ["A", "D", "E", "F"]
    assert cohort.sites == dict(zip("ABCDEF", "xxyyyy", strict=True))


def test_the_text_has_a_line_per_patient_whatever_the_notes_hold(tmp_path: Path) -> None:
    write_cohort_table([ROW], tmp_path / "c.parquet")
    header, line = (tmp_path / "c.tsv").read_text().splitlines()
    row = dict(zip(header.split("\t"), line.split("\t"), strict=True))
    assert (row["notes"], row["flair_mask_keys"], row["reason"], row["flair_mask"]) == ("a b c", "1.3,1.4", "", "true")


def test_a_patient_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=rf"c\.parquet: {A}"):
        read_cohort(write_cohort_table([ROW, ROW], tmp_path / "c.parquet"))


def test_another_table_is_refused(tmp_path: Path) -> None:
    write_split([SplitRow(0, A, "AA", "train")], tmp_path / "s.parquet")
    with pytest.raises(BadInputError, match=r"s\.parquet: .*'modalities'"):
        read_cohort(tmp_path / "s.parquet")
