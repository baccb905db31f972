from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import digest_of
from mgi.shards.dataset_manifest import read_dataset, recorded_files
from mgi.shards.expression_shard import (
    ExpressionShard,
    Row,
    read_expression,
    write_expression,
    write_values,
)
from mgi.shards.number_rows import ROW_GROUP

RNG = np.random.default_rng(0)


@pytest.fixture
def shard() -> ExpressionShard:
    genes = pd.DataFrame(
        {
            "gene_index": np.arange(5, dtype=np.int32),
            "gene_id": [f"ENSG{index}.1" for index in range(5)],
            "gene_name": ["a", "b", "b", "c", "d"],
            "gene_type": [None, "protein_coding", "lncRNA", "lncRNA", "lncRNA"],
            "chromosome": [None, "chr1", "chr2", "chrX", "chrM"],
            "start": pd.array([None, 1, 2, 3, 4], dtype="Int64"),
        }
    )
    return ExpressionShard(
        patient_ids=[f"TCGA-AA-{index:04d}" for index in range(70)],  # more than two row groups
        values=RNG.normal(size=(70, 5)).astype(np.float32),
        genes=genes,
        unit="log2(TPM+1)",
        simulated=True,
        counts=RNG.integers(0, 2**32, (70, 5), dtype=np.uint32),
    )


def write(shard: ExpressionShard, folder: Path, **stated: Any) -> Path:
    write_expression(shard, folder / "values.parquet", folder / "features.parquet", folder / "dataset.json", **stated)
    return folder


def test_what_is_written_is_read(shard: ExpressionShard, tmp_path: Path) -> None:
    found = read_expression(write(shard, tmp_path))
    assert found.patient_ids == shard.patient_ids
    assert np.array_equal(found.values, shard.values)
    assert found.genes["gene_id"].tolist() == shard.genes["gene_id"].tolist()
    assert found.genes["gene_type"].isna().tolist() == [True, False, False, False, False]
    assert found.counts is None
    assert (found.unit, found.simulated, found.gene_hash) == (shard.unit, True, digest_of(shard.genes["gene_id"]))


def test_the_description_states_the_index_and_what_was_dropped(shard: ExpressionShard, tmp_path: Path) -> None:
    dataset = read_dataset(write(shard, tmp_path, par_y_rows_dropped=44), "table")
    assert (dataset["rows"], dataset["genes"], dataset["counts"], dataset["par_y_rows_dropped"]) == (70, 5, True, 44)
    assert dataset["gene_hash"] == shard.gene_hash


def test_counts_are_read_where_they_are_asked_for(shard: ExpressionShard, tmp_path: Path) -> None:
    found = read_expression(write(shard, tmp_path), counts=True)
    assert found.counts is not None
    assert found.counts.dtype == np.uint32
    assert np.array_equal(found.counts, shard.counts)
    assert read_expression(write(replace(shard, counts=None), tmp_path / "2"), counts=True).counts is None


def test_who_reads_values_reads_no_byte_of_the_counts(
    shard: ExpressionShard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    read = pq.ParquetFile.read_row_group

    def recorded(file: pq.ParquetFile, group: int, columns: list[str]) -> pa.Table:
        asked.extend(columns)
        return read(file, group, columns)

    folder = write(shard, tmp_path)
    monkeypatch.setattr(pq.ParquetFile, "read_row_group", recorded)
    read_expression(folder)
    assert set(asked) == {"values"}
    read_expression(folder, counts=True)
    assert set(asked) == {"values", "counts"}


def test_a_row_group_is_written_as_soon_as_it_is_full(
    shard: ExpressionShard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[int] = []
    write_group = pq.ParquetWriter.write_table

    def recorded(file: pq.ParquetWriter, table: pa.Table) -> None:
        written.append(len(table))
        write_group(file, table)

    def rows() -> Iterator[Row]:
        for index, patient in enumerate(shard.patient_ids):
            assert sum(written) == index // ROW_GROUP * ROW_GROUP
            yield patient, shard.values[index], None

    monkeypatch.setattr(pq.ParquetWriter, "write_table", recorded)
    write_values(tmp_path / "v.parquet", shard.genes, shard.unit, rows(), with_counts=False)
    assert written == [32, 32, 6]
    assert pq.read_metadata(tmp_path / "v.parquet").num_row_groups == 3


def test_an_interrupted_shard_leaves_no_file(shard: ExpressionShard, tmp_path: Path) -> None:
    backwards = [(shard.patient_ids[row], shard.values[row], None) for row in (1, 0)]
    with pytest.raises(BadInputError, match="TCGA-AA-0000 after TCGA-AA-0001"):
        write_values(tmp_path / "v.parquet", shard.genes, shard.unit, backwards, with_counts=False)
    assert list(tmp_path.iterdir()) == []


def test_equal_shards_give_equal_bytes(shard: ExpressionShard, tmp_path: Path) -> None:
    one, two = write(shard, tmp_path / "1"), write(shard, tmp_path / "2")
    for name in ("values.parquet", "features.parquet", "dataset.json"):
        assert (one / name).read_bytes() == (two / name).read_bytes()


def test_values_beside_another_gene_index_are_refused(shard: ExpressionShard, tmp_path: Path) -> None:
    one = write(shard, tmp_path / "1")
    permuted = replace(shard, genes=shard.genes.iloc[::-1])
    two = write(permuted, tmp_path / "2")
    (one / "features.parquet").write_bytes((two / "features.parquet").read_bytes())
    with pytest.raises(IntegrityError, match=r"features\.parquet"):
        read_expression(one)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda shard: replace(shard, patient_ids=shard.patient_ids[::-1]), "TCGA-AA-0068 after TCGA-AA-0069"),
        (
            lambda shard: replace(shard, patient_ids=[shard.patient_ids[0]] * 70),
            "TCGA-AA-0000 after TCGA-AA-0000",
        ),
        (lambda shard: replace(shard, genes=shard.genes.assign(gene_id="G")), "gene_id: .*twice"),
        (lambda shard: replace(shard, patient_ids=shard.patient_ids[1:]), "70 .*69 "),
        (lambda shard: replace(shard, counts=shard.counts[:, :4]), r"counts .*uint32 \(5,\)"),
        (lambda shard: replace(shard, counts=shard.counts.astype(np.int64)), r"counts .*uint32 \(5,\)"),
        (lambda shard: replace(shard, values=shard.values[:, :4]), r"values .*float32 \(5,\)"),
        (lambda shard: replace(shard, values=shard.values.astype(np.float64)), r"values .*float32 \(5,\)"),
        (lambda shard: replace(shard, values=np.full_like(shard.values, np.nan)), "TCGA-AA-0000, gene ENSG0.1: nan"),
    ],
)
def test_a_shard_out_of_form_is_not_written(shard: ExpressionShard, tmp_path: Path, change: Any, message: str) -> None:
    with pytest.raises(BadInputError, match=message):
        write(change(shard), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", [*range(4, 24), *range(184, 204)])
def test_no_changed_bit_of_what_stands_before_a_page_is_read_as_other_rows(
    shard: ExpressionShard, tmp_path: Path, place: int
) -> None:
    folder = write(shard, tmp_path)
    path = folder / "values.parquet"
    good = path.read_bytes()
    for bit in range(8):
        path.write_bytes(good[:place] + bytes([good[place] ^ 1 << bit]) + good[place + 1 :])
        with suppress(IntegrityError, BadInputError):
            assert np.array_equal(read_expression(folder).values, shard.values)


def test_no_changed_byte_of_the_values_is_read_as_data(shard: ExpressionShard, tmp_path: Path) -> None:
    folder = write(shard, tmp_path)
    path = folder / "values.parquet"
    good = path.read_bytes()
    for place in RNG.integers(0, len(good), 100):
        data = bytearray(good)
        data[place] ^= 1 << int(RNG.integers(8))
        path.write_bytes(bytes(data))
        assert any(file.fault() for file in recorded_files(folder / "dataset.json"))
        try:
            assert np.array_equal(read_expression(folder).values, shard.values)
        except (IntegrityError, BadInputError):
            continue
