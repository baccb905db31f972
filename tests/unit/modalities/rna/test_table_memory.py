"""A table that does not fit in memory is no damaged table."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.rna import star
from mgi.modalities.rna.matrix import read_labelled_matrix
from mgi.tables import parquet_table, text_table

LACKING = pa.lib.ArrowMemoryError("malloc of size 1000000 failed")
CLAIMED = pa.lib.ArrowMemoryError("malloc of size 17592186044416 failed")


@pytest.fixture
def table(tmp_path: Path) -> pd.DataFrame:
    return pd.DataFrame({"TCGA-CS-4938-01A": [1.0, 2.0]}, index=pd.Index(["ENSG00000000003.15", "ENSG00000000005.6"]))


def raising(error: Exception):
    def read(*given: object, **named: object) -> None:
        raise error

    return read


def test_a_lack_of_memory_is_not_blamed_on_a_parquet_file(table, tmp_path, monkeypatch):
    path = tmp_path / "own.parquet"
    table.to_parquet(path)
    monkeypatch.setattr(parquet_table, "_read", raising(LACKING))
    with pytest.raises(MemoryError):
        read_labelled_matrix(path)
    monkeypatch.setattr(parquet_table, "_read", raising(CLAIMED))
    with pytest.raises(BadInputError, match=r"own\.parquet"):
        read_labelled_matrix(path)


def test_a_lack_of_memory_is_not_blamed_on_text(table, tmp_path, monkeypatch):
    path = tmp_path / "own.tsv"
    table.to_csv(path, sep="\t")
    monkeypatch.setattr(text_table.pa_csv, "open_csv", raising(LACKING))
    with pytest.raises(MemoryError):
        read_labelled_matrix(path)


def test_a_lack_of_memory_is_not_blamed_on_a_star_file(tmp_path, monkeypatch):
    head = "\t".join(star.COLUMNS)
    summary = [f"{name}\t\t\t1\t1\t1\t\t\t" for name in star.SUMMARY_ROWS]
    (tmp_path / "star.tsv").write_text("\n".join(["# gene-model: GENCODE v36", head, *summary, "ENSG0", ""]))
    monkeypatch.setattr(star, "_parse_genes", raising(LACKING))
    with pytest.raises(MemoryError):
        star.read_star(tmp_path / "star.tsv")
