import json
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from mgi.cohort.labels.file import LabelTable, read_labels, write_labels
from mgi.cohort.labels.labels import Labels, PatientLabels
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.sidecar import verified
from mgi.shards.parquet import write_table

A, B, C = "TCGA-DU-0001", "TCGA-DU-0002", "TCGA-DU-0003"


@pytest.fixture
def written(tmp_path: Path) -> Path:
    labels = Labels(
        patients={
            A: PatientLabels(classes={"idh": "WT"}, time_days=12.5, event=False, age_years=40.0, sex="male"),
            B: PatientLabels(classes={"idh": None}, survival_reason="no time"),
        },
        place="own.csv",
        source="own.csv",
        column_of={"idh": "IDH"},
        endpoint="PFI",
        survival_source="a paper",
        metadata={"table_sha256": "0" * 64},
    )
    found = labels.beside([A, B, C], simulated=True)
    write_labels(found, tmp_path / "l.parquet", tmp_path / "l.tsv", read_off={"idh": ["rna", "dna"]})
    return tmp_path / "l.parquet"


def read(path: Path) -> LabelTable:
    return read_labels(path)


def test_labels_come_back_as_they_were_written(written: Path) -> None:
    found = read(written)
    assert (found.classes, found.source, found.endpoint, found.survival_source) == (
        ("idh",), "own.csv", "PFI", "a paper"
    )  # fmt: skip
    table = found.table.set_index("patient_id")
    assert table.index.tolist() == [A, B, C]
    assert found.known("idh") == {A: "WT"}
    assert table.loc[A, ["time_days", "event", "age_years", "sex"]].tolist() == [12.5, False, 40.0, "male"]
    assert table["reason"].fillna("").tolist() == ["", "every label is unknown", "not in own.csv"]
    assert table["simulated"].all()
    with pytest.raises(BadInputError, match="found no class 'grade', expected one of idh"):
        found.known("grade")


def test_classes_in_any_order_come_back(tmp_path: Path) -> None:
    labels = Labels(
        patients={A: PatientLabels(classes={"idh": "WT", "codel": "no"})},
        place="own.csv", source="own.csv", column_of={"idh": "IDH", "codel": "1p19q"}, endpoint=None,
        survival_source=None,
    )  # fmt: skip
    write_labels(labels.beside([A]), tmp_path / "l.parquet", tmp_path / "l.tsv")
    found = read(tmp_path / "l.parquet")
    assert (found.classes, found.known("codel")) == (("idh", "codel"), {A: "no"})


def test_source_and_endpoint_stand_in_the_metadata_and_in_the_text(written: Path) -> None:
    about = json.loads(pq.read_schema(written).metadata[b"labels"])
    assert about["classes"] == {"idh": "IDH"}
    assert about["table_sha256"] == "0" * 64
    assert about["not_in_cohort"] == 0
    header, first, *_ = verified(written.with_suffix(".tsv")).read_text().splitlines()
    told = dict(zip(header.split("\t"), first.split("\t"), strict=True))
    assert (told["endpoint"], told["survival_source"], told["source"]) == ("PFI", "a paper", "own.csv")
    assert (told["event"], told["time_days"], told["survival_reason"]) == ("false", "12.5", "")


def test_equal_labels_give_equal_bytes(written: Path, tmp_path: Path) -> None:
    before = written.read_bytes()
    write_table(tmp_path / "again.parquet", pq.read_table(written))
    assert (tmp_path / "again.parquet").read_bytes() == before


def test_another_table_and_a_patient_twice_are_refused(written: Path, tmp_path: Path) -> None:
    table = pq.read_table(written)
    write_table(tmp_path / "none.parquet", table.replace_schema_metadata({}))
    with pytest.raises((BadInputError, IntegrityError), match="labels"):
        read(tmp_path / "none.parquet")
    write_table(tmp_path / "other.parquet", table.replace_schema_metadata({"labels": "{}"}))
    with pytest.raises(IntegrityError, match="labels: not what"):
        read(tmp_path / "other.parquet")
    write_table(tmp_path / "twice.parquet", table.take([0, 0]))
    with pytest.raises(BadInputError, match=f"{A} occurs twice"):
        read(tmp_path / "twice.parquet")


def test_a_circular_pair_is_named_and_refused_where_that_is_asked(written: Path) -> None:
    found = read(written)
    assert found.circular("idh", ["flair"]) is None
    assert found.circular("grade", ["rna"]) is None
    assert found.circular("idh", ["flair", "rna"]) == "idh is read off rna"
    found.require_not_circular("idh", ["rna"])
    strict = replace(found, refuses_circular=True)
    strict.require_not_circular("idh", ["flair"])
    with pytest.raises(
        BadInputError, match=r"^labels\.read_off: idh is read off rna, found a model of flair, rna for it"
    ):
        strict.require_not_circular("idh", ["flair", "rna"])
