"""A fresh clone lists its jobs, without data, network or a first run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

STAGES = {"preflight", "lock", "fetch", "cohort", "split"}
STAGES |= {
    "shard",
    "shard_volumes",
    "describe_volumes",
    "check_leaks",
    "fit_genes",
    "pretrain",
    "finetune",
    "predict_fold",
}
# What the demo asks for beside the masks.
ANALYSES = {"fetch_labels", "labels", "lesion_features", "embed", "embedding_components", "associate", "probe"}
ANALYSES |= {"explain", "explain_tables"}
STAGES |= {"evaluate", "compare", "report", "record_config", "prepare_slices"}

Jobs = Callable[[str], dict[str, int]]


@pytest.mark.parametrize(
    ("configs", "expected"),
    [
        ([], {"fetch": 8, "fit_genes": 5, "pretrain": 10, "finetune": 40, "report": 1}),
        (["demo"], {"simulate": 1, "fetch": 8, "fit_genes": 1, "pretrain": 1, "finetune": 7, "probe": 1}),
        (["demo", "demo-null"], {"simulate": 1, "fit_genes": 3, "pretrain": 9, "finetune": 6, "embed": 3}),
        (["kaggle"], {"fit_genes": 5, "pretrain": 10, "finetune": 40}),
        (["kaggle", "kaggle-gpu"], {"fit_genes": 5, "pretrain": 30, "finetune": 120}),
        (["kaggle", "mirrored"], {"fit_genes": 5, "pretrain": 10, "finetune": 40}),
        (["kaggle", "second-seed"], {"fit_genes": 5, "pretrain": 10, "finetune": 30, "predict_fold": 30}),
        (["kaggle", "kaggle-context"], {"fit_genes": 5, "finetune": 5, "predict_fold": 5}),
        (["kaggle", "kaggle-best"], {"fit_genes": 5, "pretrain": 15, "finetune": 90, "predict_fold": 120}),
        (["nifti"], {"fetch": 5, "pretrain": 10}),
        (["dicom"], {"fetch": 5, "pretrain": 10}),
    ],
)
def test_every_config_lists_its_jobs(
    tree: Path, snakemake: Any, jobs_of: Jobs, configs: list[str], expected: dict[str, int]
) -> None:
    files = [f"config/{name}.yaml" for name in configs]
    listed = snakemake(tree, "-n", "--quiet", "rules", *(["--configfile", *files] if files else []))
    assert listed.returncode == 0, listed.stdout
    jobs = jobs_of(listed.stdout)
    assert {rule: jobs[rule] for rule in expected} == expected
    rules = STAGES | ({"simulate", *ANALYSES} if "simulate" in expected else set())
    assert set(jobs) == (rules if "pretrain" in expected else rules - {"pretrain"})
    assert not (tree / "results").exists()


def test_the_paper_like_profile_adds_to_another_config_and_trains_none_of_its_models_again(
    tree: Path, snakemake: Any, jobs_of: Jobs
) -> None:
    options = ("-n", "--quiet", "rules", "--configfile", "config/demo.yaml")
    plain, more = (jobs_of(snakemake(tree, *options, *extra).stdout) for extra in ((), ("config/paper-like.yaml",)))
    added = {rule: more[rule] - plain.get(rule, 0) for rule in more if more[rule] != plain.get(rule, 0)}
    assert added == {
        "check_leaks": 1, "pretrain": 2, "finetune": 6, "predict_fold": 6, "evaluate": 6, "paper_like": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("target", "last"),
    [("locks", "lock"), ("data", "split"), ("train", "finetune"), ("evaluation", "compare")],
)
def test_a_stage_can_be_asked_for_by_name(tree: Path, snakemake: Any, jobs_of: Jobs, target: str, last: str) -> None:
    listed = snakemake(tree, target, "-n", "--quiet", "rules", "--configfile", "config/demo.yaml")
    jobs = jobs_of(listed.stdout)
    assert last in jobs
    assert "report" not in jobs


def test_the_file_of_pathways_is_read_by_training_alone(tree: Path, snakemake: Any) -> None:
    (tree / "own.yaml").write_text("model: {gene_tokens: pathway, pathways: my sets.gmt}\n")
    options = ("-n", "--printshellcmds", "--configfile", "config/demo.yaml", "own.yaml")
    missing = snakemake(tree, *options)
    assert missing.returncode != 0
    assert "my sets.gmt" in missing.stdout
    (tree / "my sets.gmt").write_text("A\tx\tG\n")
    listed = snakemake(tree, *options)
    assert listed.returncode == 0, listed.stdout
    calls = listed.stdout.split("python -m mgi ")[1:]
    readers = sorted(call.split()[0] for call in calls if "--pathways 'my sets.gmt'" in call)
    assert readers == [*["finetune"] * 7, "pretrain"]


def test_shards_and_fits_of_modalities_are_made_for_the_pretrainings_that_read_them(
    tree: Path, snakemake: Any, jobs_of: Jobs
) -> None:
    configs = ("--configfile", "config/demo.yaml", "config/modalities-demo.yaml")
    listed = snakemake(tree, "-n", "--printshellcmds", *configs)
    assert listed.returncode == 0, listed.stdout
    calls = [call for call in listed.stdout.split("python -m mgi ")[1:] if call.startswith(("pretrain ", "embed "))]
    reading = {
        name: sum(f" {name}=results/modalities-demo/folds/0/{name}.parquet" in call for call in calls)
        for name in ("cn", "methylation", "mirna")
    }
    # Alone, and in the five pre-trainings with all: each to be trained and to be encoded by.
    assert reading == dict.fromkeys(reading, 12)
    assert sum("--covariates results/modalities-demo/tables/labels.parquet" in call for call in calls) == 4
    assert sum("--modality-fit" not in call for call in calls) == 4  # with expression or covariates alone
    summary = jobs_of(snakemake(tree, "-n", "--quiet", "rules", *configs).stdout)
    assert {rule: summary[rule] for rule in ("fit_features", "pretrain", "embed", "finetune")} == {
        "fit_features": 5, "pretrain": 12, "embed": 12, "finetune": 1,
    }  # fmt: skip
