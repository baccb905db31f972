import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.cli import parser_of
from mgi.cohort.settings import SplitSettings
from mgi.cohort.split import split_patients
from mgi.cohort.tables import patients_with_role, read_split, write_split
from mgi.commands import fit_genes
from mgi.core.errors import BadInputError, ConfigError
from mgi.modalities.rna.normalise import read_fitted_genes
from mgi.shards.expression_shard import ExpressionShard, write_expression

PATIENTS = [f"TCGA-DU-{index:04d}" for index in range(12)]
SITES = {f"TCGA-DU-{index:04d}": "DU" for index in range(13)}
FILTERS: tuple[dict[str, object], ...] = (
    {"gene_filter": "none"},
    {"gene_filter": "variance", "top_k": 5},
    {"gene_filter": "expressed", "min_tpm": 1.0},
    {"gene_filter": "protein_coding"},
    {"gene_filter": "filter_by_expr"},
    {"gene_filter": "list", "gene_list": "genes.txt"},
    {"gene_filter": "none", "components": 3},
)
SCALERS = ("zscore", "robust", "rank", "quantile")


@pytest.fixture
def shard() -> ExpressionShard:
    genes = pd.DataFrame(
        {
            "gene_index": np.arange(20, dtype=np.int32),
            "gene_id": [f"ENSG{index:02d}.1" for index in range(20)],
            "gene_name": "x",
            "gene_type": ["protein_coding"] * 15 + ["lncRNA"] * 5,
            "chromosome": None,
            "start": pd.array([None] * 20, dtype="Int64"),
        }
    )
    values = np.random.default_rng(0).gamma(1.0, 2.0, (12, 20)).astype(np.float32)
    counts = np.random.default_rng(1).integers(0, 60, (12, 20), dtype=np.uint32)
    return ExpressionShard(
        patient_ids=PATIENTS, values=values, genes=genes, unit="log2(TPM+1)", simulated=True, counts=counts
    )


@pytest.fixture
def arguments(shard: ExpressionShard, tmp_path: Path) -> list[str]:
    write(shard, tmp_path)
    write_split(
        split_patients(PATIENTS, SplitSettings(folds=3), sites=SITES), tmp_path / "s.parquet", tmp_path / "s.tsv"
    )
    return ["--expression-shard", str(tmp_path / "dataset.json"), "--split", str(tmp_path / "s.parquet")]


def write(shard: ExpressionShard, folder: Path) -> None:
    write_expression(shard, folder / "values.parquet", folder / "features.parquet", folder / "dataset.json")


def fitted_bytes(arguments: list[str], folder: Path, settings: dict[str, object], fold: int = 0) -> bytes:
    output = folder / "out.parquet"
    listed = folder / "listed.txt"
    listed.write_text("ENSG03.1\nENSG07\n")
    given = ["--gene-list", str(listed)] if settings["gene_filter"] == "list" else []
    given += ["--fold", str(fold), "--settings", json.dumps(settings), "--output", str(output)]
    fit_genes.run(parser_of(fit_genes).parse_args([*arguments, *given]))
    return output.read_bytes()


def changed(shard: ExpressionShard, folder: Path, role: str) -> ExpressionShard:
    """The shard with other values and counts of a role's patients in the first fold."""
    rows = [PATIENTS.index(patient) for patient in patients_with_role(read_split(folder / "s.parquet"), 0, role)]
    assert shard.counts is not None
    values, counts = shard.values.copy(), shard.counts.copy()
    values[rows] += 1e6
    counts[rows] += 1_000_000
    return replace(shard, values=values, counts=counts)


@pytest.mark.parametrize("scaler", SCALERS)
@pytest.mark.parametrize("settings", FILTERS, ids=lambda settings: settings["gene_filter"])
@pytest.mark.parametrize("role", ["test", "validation"])
def test_patients_outside_of_training_change_no_byte_of_the_fit(
    arguments: list[str], shard: ExpressionShard, tmp_path: Path, settings: dict[str, object], role: str, scaler: str
) -> None:
    before = fitted_bytes(arguments, tmp_path, {**settings, "scaler": scaler})
    write(changed(shard, tmp_path, role), tmp_path)
    assert fitted_bytes(arguments, tmp_path, {**settings, "scaler": scaler}) == before


@pytest.mark.parametrize("scaler", SCALERS)
def test_training_patients_change_the_fit(
    arguments: list[str], shard: ExpressionShard, tmp_path: Path, scaler: str
) -> None:
    before = fitted_bytes(arguments, tmp_path, {**FILTERS[0], "scaler": scaler})
    write(changed(shard, tmp_path, "train"), tmp_path)
    assert fitted_bytes(arguments, tmp_path, {**FILTERS[0], "scaler": scaler}) != before


def test_a_training_patient_on_another_scale_is_said(
    arguments: list[str], shard: ExpressionShard, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fitted_bytes(arguments, tmp_path, FILTERS[0])
    assert "median profile" not in capsys.readouterr().out
    odd = patients_with_role(read_split(tmp_path / "s.parquet"), 0, "train")[2]
    values = shard.values.copy()
    values[PATIENTS.index(odd)] *= 100
    write(replace(shard, values=values), tmp_path)
    fitted_bytes(arguments, tmp_path, FILTERS[0])
    said = capsys.readouterr().out
    assert f"fold 0: {odd}: values are " in said
    assert "scaler: robust" in said


def test_every_filter_keeps_genes_of_its_own(arguments: list[str], tmp_path: Path) -> None:
    kept = {}
    for settings in FILTERS:
        fitted_bytes(arguments, tmp_path, settings)
        kept[settings["gene_filter"]] = read_fitted_genes(tmp_path / "out.parquet").gene_ids
    assert len(kept["none"]) == 20
    assert len(kept["protein_coding"]) == 15
    assert kept["list"] == ["ENSG03.1", "ENSG07.1"]
    assert 0 < len(kept["filter_by_expr"]) < 20
    assert len({tuple(genes) for genes in kept.values()}) >= 5


def test_patients_without_image_have_a_say_in_the_components_alone(
    arguments: list[str], shard: ExpressionShard, tmp_path: Path
) -> None:
    split = split_patients(PATIENTS[:9], SplitSettings(folds=3), sites=SITES, unpaired_expression=PATIENTS[9:])
    write_split(split, tmp_path / "s.parquet", tmp_path / "s.tsv")

    def fitted():
        fitted_bytes(arguments, tmp_path, {"gene_filter": "none", "components": 2})
        return read_fitted_genes(tmp_path / "out.parquet")

    before = fitted()
    values = shard.values.copy()
    values[9:] *= np.linspace(1, 3, 20, dtype=np.float32)
    write(replace(shard, values=values), tmp_path)
    after = fitted()
    assert np.array_equal(before.mean, after.mean)
    assert before.train_hash == after.train_hash
    assert not np.allclose(np.abs(before.components), np.abs(after.components))


def test_counts_that_the_shard_lacks_are_a_setting_to_change(
    arguments: list[str], shard: ExpressionShard, tmp_path: Path
) -> None:
    write(replace(shard, counts=None), tmp_path)
    with pytest.raises(ConfigError, match=r"modalities\.rna\.fit\.gene_filter \w+: .*counts"):
        fitted_bytes(arguments, tmp_path, {"gene_filter": "filter_by_expr"})


def test_the_fold_owns_its_genes(arguments: list[str], tmp_path: Path) -> None:
    fits = []
    for fold in range(3):
        fitted_bytes(arguments, tmp_path, FILTERS[1], fold)
        fits.append(read_fitted_genes(tmp_path / "out.parquet"))
    assert all(len(fit.gene_ids) == 5 for fit in fits)
    assert len({fit.train_hash for fit in fits}) == 3


def test_a_training_patient_without_expression_is_named(arguments: list[str], tmp_path: Path) -> None:
    other = [f"TCGA-DU-{index:04d}" for index in range(1, 13)]
    write_split(split_patients(other, SplitSettings(folds=3), sites=SITES), tmp_path / "s.parquet", tmp_path / "s.tsv")
    split = read_split(tmp_path / "s.parquet")
    fold = next(fold for fold in range(3) if "TCGA-DU-0012" in patients_with_role(split, fold, "train"))
    with pytest.raises(BadInputError, match=r"expression .*TCGA-DU-0012"):
        fitted_bytes(arguments, tmp_path, FILTERS[0], fold)


def test_an_unknown_fold_and_a_shard_that_is_not_there_are_refused(arguments: list[str], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="fold 3"):
        fitted_bytes(arguments, tmp_path, FILTERS[0], 3)
    elsewhere = [arguments[0], str(tmp_path / "other/dataset.json"), *arguments[2:]]
    with pytest.raises(BadInputError, match=r"other/dataset\.json: missing"):
        fitted_bytes(elsewhere, tmp_path, FILTERS[0])
