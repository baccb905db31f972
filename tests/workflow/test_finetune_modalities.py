"""Shards and fits of further modalities reach the jobs of MGI that read them, and no other job."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

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


def test_a_modality_that_is_not_configured_stops_the_run(tree: Path, snakemake: Callable[..., Any]) -> None:
    (tree / "further.yaml").write_text(yaml.safe_dump({"finetune": {"modalities": ["cn", "rna"]}}))
    done = snakemake(tree, "-n", "--configfile", "config/toy.yaml", "further.yaml")
    assert done.returncode != 0
    assert 'finetune.modalities: found "cn", expected of rna, which are configured and have vectors' in done.stdout
