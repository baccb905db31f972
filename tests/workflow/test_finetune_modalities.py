"""Further modalities of MGI in the workflow: who reads them, and networks that read no expression."""

import csv
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from mgi.modalities.rna.normalise import read_fitted_genes
from mgi.training.weights import load_weights

FURTHER = {
    "simulation": {"n_patients": 24, "omics": ["cn"], "missing": {"cn": 0.2}},
    "modalities": {"cn": {"retry_base_s": 0.0, "batches": 1}},
    "cohort": {"require": ["rna", "flair"]},
    "finetune": {"modalities": ["cn", "rna"]},
}


def jobs(said: str, rule: str) -> dict[str, str]:
    """What a dry run says of each job of a rule, by the run."""
    parts = re.split(r"^(?=rule |localrule |checkpoint |Job stats)", said, flags=re.MULTILINE)
    found = [part for part in parts if part.startswith(f"rule {rule}:")]
    return {match[1]: part for part in found if (match := re.search(r"wildcards: run=(\S+)", part))}


def test_a_dry_run_shows_shards_and_fits_as_inputs_of_training_and_prediction(
    tree: Path, snakemake: Callable[..., Any]
) -> None:
    (tree / "further.yaml").write_text(yaml.safe_dump(FURTHER))
    said = snakemake(tree, "-n", "-p", "--configfile", "config/toy.yaml", "further.yaml").stdout
    for rule in ("finetune", "predict_fold"):
        of_rule = jobs(said, rule)
        assert {"mgi-fold0-seed0", "mgi-no-genes-fold0-seed0"} <= of_rule.keys(), said[-3000:]
        for run, job in of_rule.items():
            (inputs,) = re.findall(r"^ +input: (.*)$", job, re.MULTILINE)
            reads = run == "mgi-fold0-seed0"
            for path in ("results/toy/shards/cn/dataset.json", "results/toy/folds/0/cn.parquet"):
                assert (path in inputs.split(", ")) is reads, (rule, run, path)
            assert ("--modality-shard cn=results/toy/shards/cn/dataset.json" in job) is reads
            assert ("--modality-fit cn=results/toy/folds/0/cn.parquet" in job) is reads
    assert len(jobs(said, "pretrain")) == 1
    assert not any("shards/cn" in job for job in jobs(said, "pretrain").values())


WITHOUT_EXPRESSION: dict[str, Any] = {
    **FURTHER,
    "pretrain": {"modalities": ["cn"], "missing": "outer"},
    "finetune": {"modalities": ["cn"]},
    "runs": {"methods": ["mgi"], "controls": ["no-genes"]},
    "explain": {"values": ["similarity", "mask"], "patients": 2, "steps": 2, "random_networks": 1, "noise_samples": 0},
}
"""Networks of images and copy number: expression is in the cohort, and no network reads it."""


def test_networks_that_read_no_expression_go_from_the_archive_to_the_report(
    tree: Path, snakemake: Callable[..., Any]
) -> None:
    (tree / "further.yaml").write_text(yaml.safe_dump(WITHOUT_EXPRESSION))
    asked = ("--cores", "2", "--configfile", "config/toy.yaml", "further.yaml")
    done = snakemake(tree, *asked)
    assert done.returncode == 0, done.stdout[-6000:]
    assert "Nothing to be done" in snakemake(tree, *asked, "-n").stdout
    results = tree / "results/toy"
    genes = read_fitted_genes(results / "folds/0/genes.parquet").gene_ids
    for run in ("pretrain-fold0-seed0", "mgi-fold0-seed0"):
        weights = load_weights(results / f"runs/{run}/weights.safetensors", genes=genes)
        assert list(weights.modalities or {}) == ["cn"]
        assert not any("rna" in name or name.startswith("gene_encoder") for name in weights.tensors)
    with (results / "evaluation/results.csv").open(newline="") as table:
        rows = {(row["method"], row["expression_input"]): int(row["n"]) for row in csv.DictReader(table)}
    assert {("mgi", "own"), ("mgi", "null_token"), ("mgi-no-genes", "not_used")} <= rows.keys()
    page = (results / "report.html").read_text()
    assert "MGI reads cn: what is said of genes is of all that it reads together." in page
    with (results / "explain/modalities.csv").open(newline="") as table:
        assert {row["modality"] for row in csv.DictReader(table)} == {"cn"}


def test_a_modality_that_is_not_configured_stops_the_run(tree: Path, snakemake: Callable[..., Any]) -> None:
    (tree / "further.yaml").write_text(yaml.safe_dump({"finetune": {"modalities": ["cn", "rna"]}}))
    done = snakemake(tree, "-n", "--configfile", "config/toy.yaml", "further.yaml")
    assert done.returncode != 0
    assert 'finetune.modalities: found "cn", expected of rna, which are configured and have vectors' in done.stdout
