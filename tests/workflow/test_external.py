"""Another archive: what is ingested, trained and tested for it, and what is left alone."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from lib.config import ConfigError
from lib.external import external_config, split_of
from mgi.config.tree import checked
from mgi.core.run import full_cohort_runs

ROOT = Path(__file__).parents[2]
Jobs = Callable[[str], dict[str, int]]
FLAIR = {"source": "nifti", "folder": "other", "batches": 1}
ELSEWHERE: dict[str, Any] = {"modalities": {"flair": FLAIR, "rna": {"source": "gdc", "batches": 3}}}
# The simulation names its patients by their number, so two archives share the few whose hospital is the same too.
SIMULATED = {
    "simulation": {
        "seed": 5, "n_patients": 8, "n_genes": 1000, "slices_min": 8, "slices_max": 8, "pixels": 32,
        "genes_drive_images": True,
    },
    "modalities": {
        "rna": {"source": "gdc", "batches": 1, "retry_base_s": 0.0},
        "flair": {"source": "tcia", "min_images": 8, "batches": 1, "retry_base_s": 0.0},
    },
    "exclude": ["TCGA-DB-ZGR5", "TCGA-DU-Z44Y"],
}  # fmt: skip


def config_with(external: dict[str, Any] | None) -> dict[str, Any]:
    config = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    return checked(config | {"external": external})


def test_the_runs_of_the_whole_cohort_are_those_of_one_fold_more() -> None:
    config = config_with(ELSEWHERE)
    runs = full_cohort_runs(config)
    assert {run.fold for run in runs.values()} == {5}
    assert [run.method for run in runs.values() if not run.is_pretraining] == [
        "mgi", "mgi", "mgi", "mgi", "unet", "resunet", "attention_unet", "deeplabv3plus",
    ]  # fmt: skip
    assert split_of(config, 4) == "<results>/tables/split.parquet"
    assert split_of(config, 5) == "<results>/tables/whole.parquet"
    assert full_cohort_runs(config_with(None)) == {}


def test_the_other_archive_has_sources_of_its_own_and_all_else_of_the_first() -> None:
    config = config_with({**ELSEWHERE, "exclude": ["TCGA-XX-0001"]})
    other = external_config(config)
    assert other["results"] == "results/tcga-lgg/external"
    assert other["modalities"]["flair"]["folder"] == "other"
    assert other["modalities"]["flair"]["min_images"] == 15
    assert other["cohort"]["exclude"] == ["TCGA-XX-0001"]
    assert {name for name in config if config[name] == other[name]} >= {"model", "finetune", "predict", "evaluation"}
    assert checked(other) == other


@pytest.mark.parametrize(
    ("external", "message"),
    [
        ({"modalities": {"flair": {}}}, "external.modalities.rna: missing"),
        ({**ELSEWHERE, "exlcude": []}, "external.exlcude: unknown key; did you mean 'external.exclude'?"),
        ({**ELSEWHERE, "max_missing": 1}, "external.max_missing: found 1, expected less than 1"),
        (
            {"modalities": {"flair": FLAIR, "rna": {"source": "matrix", "unit": "fpkm"}}},
            'external.modalities.rna.unit: found "fpkm", expected "tpm", since only source gdc reads it and source is '
            "matrix",
        ),
        (
            {"modalities": {"flair": FLAIR, "rna": {"table": "own.tsv"}}},
            'external.modalities.rna.table: found "own.tsv", expected null, since only source matrix reads it and '
            "source is gdc (the default)",
        ),
        (
            {"modalities": {"flair": FLAIR, "rna": {"fit": {"scaler": "rank"}}}},
            "external.modalities.rna.fit: found a value, expected none: it is fitted on the first cohort",
        ),
    ],
)
def test_what_is_wrong_in_the_section_is_named(external: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as problem:
        config_with(external)
    assert str(problem.value) == message


def test_every_method_is_trained_once_and_no_fold_is_tested(tree: Path, snakemake: Any, jobs_of: Jobs) -> None:
    (tree / "other.yaml").write_text(yaml.safe_dump({"external": ELSEWHERE}))
    listed = snakemake(tree, "external", "-n", "--quiet", "rules", "--configfile", "other.yaml")
    assert listed.returncode == 0, listed.stdout
    jobs = jobs_of(listed.stdout)
    expected = {"fit_genes": 1, "check_leaks": 1, "pretrain": 2, "finetune": 8, "external_predict_fold": 8}
    expected |= {"prepare_slices": 1, "external_prepare_slices": 1}
    batches = {"fetch": 8, "external_fetch": 4, "shard_volumes": 4}
    assert {rule: jobs[rule] for rule in [*expected, *batches]} == expected | batches
    assert not {"predict_fold", "evaluate", "compare", "report"} & set(jobs)


def test_nothing_of_the_other_archive_is_read_by_training(tree: Path, snakemake: Any) -> None:
    (tree / "other.yaml").write_text(yaml.safe_dump({"external": ELSEWHERE}))
    listed = snakemake(tree, "external", "-n", "--printshellcmds", "--configfile", "other.yaml")
    calls = listed.stdout.split("python -m mgi ")[1:]
    readers = {call.split()[0] for call in calls if "/external/" in call.split('"""')[0].split("\nrule ")[0]}
    assert not {"fit-genes", "pretrain", "finetune", "split"} & readers
    assert {"prepare-external", "predict-fold", "evaluate", "compare"} <= readers


def test_without_another_archive_the_target_says_what_is_missing(tree: Path, snakemake: Any) -> None:
    stopped = snakemake(tree, "external", "-n")
    assert stopped.returncode != 0
    assert "external: found null, expected a section with `modalities`" in stopped.stdout


def test_patients_from_elsewhere_are_scored_and_the_folds_left_alone(
    toy: tuple[Path, str], tmp_path: Path, snakemake: Any, jobs_of: Jobs
) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(toy[0], folder)
    (folder / "other.yaml").write_text(
        yaml.safe_dump({"external": SIMULATED, "runs": {"methods": ["mgi"], "controls": []}})
    )
    options = ("--quiet", "rules", "--configfile", "config/toy.yaml", "other.yaml")
    done = snakemake(folder, "external", *options)
    assert done.returncode == 0, done.stdout[-6000:]
    trained = {"fit_genes": 1, "check_leaks": 1, "pretrain": 1, "finetune": 1, "prepare_external": 1}
    jobs = jobs_of(done.stdout)
    assert {rule: jobs[rule] for rule in trained} == trained
    assert not {"split", "cohort", "shard_volumes", "predict_fold"} & set(jobs)
    made = folder / "results/toy/external"
    aligned = json.loads((made / "aligned/metadata.json").read_text())
    with (made / "evaluation/patients.csv").open(newline="") as table:
        tested = {row["patient_id"] for row in csv.DictReader(table) if row["expression_input"] == "own"}
    assert len(tested) == aligned["patients"] > 1
    assert not tested & set(SIMULATED["exclude"])
    with (made / "evaluation/results.csv").open(newline="") as table:
        rows = [row for row in csv.DictReader(table) if row["definition"] == "volume"]
    assert {row["expression_input"] for row in rows} == {"own", "permuted", "cohort_mean", "null_token"}
    assert {row["n"] for row in rows} == {str(len(tested))}
    again = snakemake(folder, "external", "-n", *options)
    assert "Nothing to be done" in again.stdout
    rest = snakemake(folder, "-n", *options)
    assert jobs_of(rest.stdout) == {"record_config": 1, "compare": 1, "report": 1}  # two methods fewer, nothing else
