import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mgi.cli import parser_of
from mgi.commands import shard
from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.locks.item import Item
from mgi.locks.lock import Table
from mgi.shards.dataset_manifest import read_dataset
from mgi.shards.expression_shard import read_expression
from resealed import reseal
from small_locks import fetched as fetched_of
from small_locks import profile, rna_lock, write_index, write_lock

A, B, C = "TCGA-DU-0001", "TCGA-CS-0002", "TCGA-HT-0003"
GENES = ("ENSG00000000003.15", "ENSG00000000003.15_PAR_Y", "ENSG00000000005.6")


def item(patient: str, *, chosen: bool = True) -> Item:
    return profile(patient, key=f"{patient}-01", chosen=chosen)


def written(folder: Path, source: str, items: list[Item], raw: list[dict[str, Any]], **lock: Any) -> list[str]:
    write_lock(folder / "lock.json", rna_lock(*items, source=source, simulated=source == "gdc", **lock))
    write_index(folder / "index.json", "rna", raw, source)
    outputs = [str(folder / "shard" / name) for name in ("values.parquet", "features.parquet", "dataset.json")]
    inputs = ["--lock", str(folder / "lock.json"), "--index", str(folder / "index.json")]
    return ["--modality", "rna", *inputs, "--output", *outputs]


def fetched(patient: str, path: str | None, sha256: str, **changes: Any) -> dict[str, Any]:
    return fetched_of(item(patient), path=path, sha256=sha256, **changes)


@pytest.fixture
def gdc(tmp_path: Path, star_text: Callable[..., str]) -> list[str]:
    (tmp_path / "files").mkdir()
    raw = []
    for patient, tpm in ((A, 3.0), (B, 1.0)):
        text = star_text(dict(zip(GENES, (tpm, 0.0, 1e6 - tpm), strict=True)))
        (tmp_path / f"files/{patient}.tsv").write_text(text)
        raw.append(fetched(patient, f"files/{patient}.tsv", hashlib.sha256(text.encode()).hexdigest()))
    return written(tmp_path, "gdc", [item(A), item(B), item(C, chosen=False)], raw)


@pytest.fixture
def matrix(tmp_path: Path) -> list[str]:
    table = tmp_path / "table.tsv"
    frame = pd.DataFrame({"MSN": [0.5, -642.6], "CD58": [1.0, 2.0]}, index=pd.Index([f"{A}-01", f"{B}-01"], name="id"))
    frame.to_csv(table, sep="\t")
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    pin = Table(name=table.name, sha256=digest, size=table.stat().st_size)
    raw = [fetched(patient, None, digest) for patient in (A, B)]
    return [*written(tmp_path, "matrix", [item(A), item(B)], raw, table=pin), "--table", str(table)]


def repinned(folder: Path) -> None:
    """Make the lock one of the table as it is now."""
    table, lock = folder / "table.tsv", json.loads((folder / "lock.json").read_text())
    lock["table"] |= {"sha256": hashlib.sha256(table.read_bytes()).hexdigest(), "size": table.stat().st_size}
    reseal(folder / "lock.json", lock)


def run(arguments: list[str], stored: str = "tpm", **more: Any) -> None:
    shard.run(parser_of(shard).parse_args([*arguments, "--settings", json.dumps({"unit": stored, **more})]))


def test_star_files_become_log_tpm_sorted_by_patient(gdc: list[str], tmp_path: Path) -> None:
    run(gdc)
    shard = read_expression(tmp_path / "shard")
    assert shard.patient_ids == [B, A]
    assert shard.values[:, 0].tolist() == [1.0, 2.0]
    assert shard.genes["gene_id"].tolist() == [GENES[0], GENES[2]]
    assert (shard.unit, shard.simulated) == ("log2(TPM+1)", True)
    dataset = read_dataset(tmp_path / "shard", "table")
    assert (dataset["par_y_rows_dropped"], dataset["gene_model"]) == (1, "GENCODE v36")
    assert dataset["repeated_gene_names"] == 0


@pytest.mark.parametrize(
    ("stored", "unit", "expected"),
    [("fpkm", "log2(FPKM+1)", 1.5), ("fpkm_uq", "log2(FPKM-UQ+1)", 1.0), ("counts", "log2(count+1)", 3.0)],
)
def test_another_column_is_stored_with_its_scale_and_the_counts_beside(
    gdc: list[str], tmp_path: Path, stored: str, unit: str, expected: float
) -> None:
    run(gdc, stored)
    shard = read_expression(tmp_path / "shard", counts=True)
    assert shard.unit == unit
    assert shard.values[1, 0] == pytest.approx(np.log2(expected + 1))
    assert shard.counts is not None
    assert shard.counts[:, 0].tolist() == [1, 3]


def test_a_copied_file_under_another_patient_is_refused(gdc: list[str], tmp_path: Path) -> None:
    index = json.loads((tmp_path / "index.json").read_text())
    index["items"][0] |= {name: index["items"][1][name] for name in ("path", "sha256")}
    reseal(tmp_path / "index.json", index)
    with pytest.raises(BadInputError, match=f"{A}: .*expression .*{B}"):
        run(gdc)
    assert list((tmp_path / "shard").iterdir()) == []


def test_the_shard_is_the_same_twice(gdc: list[str], tmp_path: Path) -> None:
    run(gdc)
    first = [path.read_bytes() for path in sorted((tmp_path / "shard").iterdir())]
    run(gdc)
    assert first == [path.read_bytes() for path in sorted((tmp_path / "shard").iterdir())]


def test_two_patients_with_one_profile_are_refused(matrix: list[str], tmp_path: Path) -> None:
    table = tmp_path / "table.tsv"
    table.write_text(f"id\tMSN\n{A}-01\t1.5\n{B}-01\t1.5\n")
    repinned(tmp_path)
    with pytest.raises(BadInputError, match=f"{A}: .*expression .*{B}"):
        run(matrix)


def test_a_changed_file_is_refused(gdc: list[str], tmp_path: Path) -> None:
    (tmp_path / f"files/{A}.tsv").write_text("")
    with pytest.raises(IntegrityError, match=rf"{A}\.tsv: sha256"):
        run(gdc)
    assert list((tmp_path / "shard").iterdir()) == []


def test_a_chosen_file_that_was_not_fetched_is_refused(gdc: list[str], tmp_path: Path) -> None:
    index = json.loads((tmp_path / "index.json").read_text())
    reseal(tmp_path / "index.json", {**index, "items": index["items"][:1]})
    with pytest.raises(BadInputError, match=f"{B}: {B}-01: .*raw index"):
        run(gdc)


def test_positions_are_stored_where_they_are_given(gdc: list[str], tmp_path: Path) -> None:
    (tmp_path / "p.tsv").write_text(f"gene_id\tchromosome\tstart\n{GENES[2]}\tchrX\t100\n")
    run([*gdc, "--input", f"positions={tmp_path / 'p.tsv'}"])
    genes = read_expression(tmp_path / "shard").genes
    assert genes["chromosome"].tolist()[1] == "chrX"
    assert genes["start"].isna().tolist() == [True, False]


def test_a_table_is_taken_as_given(matrix: list[str], tmp_path: Path) -> None:
    run(matrix)
    shard = read_expression(tmp_path / "shard")
    assert shard.patient_ids == [B, A]
    assert shard.values[:, 0].tolist() == pytest.approx([-642.6, 0.5])
    assert shard.genes["gene_id"].tolist() == ["MSN", "CD58"]
    assert shard.genes["gene_type"].isna().all()
    assert (shard.unit, shard.counts) == ("as given", None)
    dataset = read_dataset(tmp_path / "shard", "table")
    assert (dataset["layout"], dataset["gene_labels"]) == ("samples x genes", "other names")
    assert (dataset["genes_dropped"], dataset["columns_not_used"], dataset["counts"]) == ({}, [], False)


def test_what_was_left_out_of_a_table_is_on_record(matrix: list[str], tmp_path: Path) -> None:
    table = tmp_path / "table.tsv"
    table.write_text(f"Hugo_Symbol\tEntrez\t{A}-01\t{B}-01\nMSN\t1\t1\t2\n\t2\t1\t2\nMSN\t3\t4\t5\nTP53\t4\tNA\t5\n")
    repinned(tmp_path)
    run(matrix)
    dataset = read_dataset(tmp_path / "shard", "table")
    assert dataset["genes_dropped"] == {
        "missing values": ["TP53"],
        "name repeats an earlier row": ["MSN"],
        "no name": [""],
    }
    assert (dataset["columns_not_used"], dataset["layout"]) == (["Entrez"], "genes x samples")
    assert read_expression(tmp_path / "shard").genes["gene_name"].tolist() == ["MSN"]


def test_a_patient_on_another_scale_and_what_the_values_look_like_are_on_record(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    patients = [f"TCGA-DU-{number:04d}" for number in range(6)]
    frame = pd.DataFrame(np.random.default_rng(0).normal(5, 1, (6, 20)), [f"{one}-01" for one in patients])
    frame.iloc[2] *= 100
    frame.rename(columns="G{}".format).assign(age=3).to_csv(tmp_path / "table.tsv", sep="\t", index_label="id")
    digest = hashlib.sha256((tmp_path / "table.tsv").read_bytes()).hexdigest()
    pin = Table(name="table.tsv", sha256=digest, size=(tmp_path / "table.tsv").stat().st_size)
    raw = [fetched(patient, None, digest) for patient in patients]
    given = written(tmp_path, "matrix", [item(one) for one in patients], raw, table=pin)
    run([*given, "--table", str(tmp_path / "table.tsv")], ignore=["age"])
    dataset = read_dataset(tmp_path / "shard", "table")
    scale, odd, others = dataset["notes"]
    assert "look like linear values" in scale
    assert odd.startswith(f"{patients[2]}: values are ")
    assert "robust" in others
    assert odd in caplog.text
    assert dataset["genes_dropped"] == {"ignored by the configuration": ["age"]}


def test_a_table_is_stored_as_given_and_in_no_other_way(matrix: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"modalities\.rna\.unit: found counts"):
        run(matrix, "counts")


def test_a_table_other_than_the_locked_one_is_refused(matrix: list[str], tmp_path: Path) -> None:
    with (tmp_path / "table.tsv").open("a") as table:
        table.write("TCGA-ZZ-0009-01\t1\t1\n")
    with pytest.raises(IntegrityError, match=r"table\.tsv: .*sha256"):
        run(matrix)


def test_a_missing_table_is_a_setting_to_give(matrix: list[str]) -> None:
    with pytest.raises(ConfigError, match="--table"):
        run(matrix[:-2])
