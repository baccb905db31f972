from pathlib import Path

import pytest

from mgi.cohort.split import SplitRow
from mgi.cohort.tables import patients_with_role, read_split, write_split
from mgi.core.errors import BadInputError

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
