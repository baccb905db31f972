"""After a finished run, a change reruns the jobs that it can affect and no other; seen by dry runs."""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from mgi.config.tree import Config

ROOT = Path(__file__).parents[2]
Toy = tuple[Path, str]
Jobs = Callable[[str], dict[str, int]]

COMPARED = {"compare": 1, "report": 1}
SCORED = {"evaluate": 3} | COMPARED
PREDICTED = {"predict_fold": 3} | SCORED
TRAINED = {"finetune": 3} | PREDICTED
LEARNED = {"pretrain": 1} | TRAINED
# The two thirds of the runs that are MGI's.
ALIGNED = LEARNED | {"finetune": 2, "predict_fold": 2, "evaluate": 2}
SPLIT = {"split": 1, "check_leaks": 1, "fit_genes": 1} | LEARNED
SOURCES_OF_BOTH = {"preflight": 1, "lock": 2, "fetch": 4}
DESCRIBED = {"describe_volumes": 1, "prepare_slices": 1}
VOLUMES = {"shard_volumes": 2} | DESCRIBED
INGESTED = SOURCES_OF_BOTH | {"gene_positions": 1, "cohort": 1, "shard": 1} | VOLUMES | SPLIT
# What the table calls "as": the rule and all that follow from it.
AND_ON = {
    "split": {*SPLIT},
    "pretrain": {*LEARNED},
    "finetune": {*TRAINED},
}
LABELLED = {"fetch_labels": 1, "labels": 1}
OF_ANALYSES = {"preflight_labels", "labels", "lesion_features", "associate", "explain", "explain_tables"}
ONE_MORE = {"finetune": 1, "predict_fold": 1, "evaluate": 1} | COMPARED

# Every change of the config is recorded beside the results, and the report shows it. The keys are the examples of the
# table in config/README.md.
RECORDED = {"record_config": 1, "report": 1}
SETTINGS: dict[str, dict[str, int]] = {
    "results: results/other": {"simulate": 1} | INGESTED,
    "plugins: [my_plugin.py]": {},
    "simulation: {seed: 4}": {"simulate": 1} | INGESTED,
    "modalities: {flair: {min_images: 10}}": INGESTED,
    "modalities: {rna: {batches: 3}}": {"fetch": 3, "cohort": 1, "shard": 1} | DESCRIBED | SPLIT,
    "modalities: {rna: {unit: fpkm_uq}}": {"shard": 1, "check_leaks": 1, "fit_genes": 1} | LEARNED,
    "modalities: {rna: {fit: {scaler: rank}}}": {"fit_genes": 1} | LEARNED,
    "modalities: {rna: {fit: {gene_filter: protein_coding}}}": {"fit_genes": 1} | LEARNED,
    "cohort: {exclude: [TCGA-CS-0000]}": {"cohort": 1, "shard_volumes": 1} | DESCRIBED | SPLIT,
    "cohort: {near_duplicates: warn}": {"check_leaks": 1} | LEARNED,
    "labels: {source: table, table: own.tsv, columns: {classes: {idh: IDH}}}": {"preflight_labels": 1, "labels": 1},
    "split: {seed: 1}": SPLIT,
    "model: {gene_encoder: mlp}": ALIGNED,
    "model: {baseline_width: 6}": LEARNED,
    "model: {image_crop: foreground}": {"prepare_slices": 1} | LEARNED,
    "pretrain: {temperature: 0.1}": ALIGNED,
    "finetune: {gene_dropout: 0.5}": TRAINED,
    "finetune: {augment: {skull_strip: 0.5}}": {"prepare_slices": 1} | TRAINED,
    "classification: {hidden: 4}": {},
    "survival: {hidden: 4}": {},
    "predict: {permutations: 3}": PREDICTED,
    "runs: {methods: [mgi, unet, resunet]}": ONE_MORE,
    "runs: {controls: []}": COMPARED,
    "runs: {variants: {flat: {model: {gene_encoder: mlp}}}}": {"pretrain": 1, "compare": 1},
    "runs: {variants: {flat: {model: {gene_encoder: mlp}, finetune: true}}}": {"pretrain": 1} | ONE_MORE,
    "external: {modalities: {rna: {source: gdc}, flair: {source: nifti, folder: other}}}": {},
    "associate: {phenotypes: lesion, covariates: []}": {"lesion_features": 1, "associate": 1},
    "explain: {permuted_pairs: 0}": {"explain": 2, "explain_tables": 1},
    "evaluation: {bootstrap_draws: 50}": COMPARED,
    "probe: {smallest_class: 2}\nlabels: {source: gdc}": LABELLED | {"embed": 1, "lesion_features": 2, "probe": 1},
    "compute: {threads: 2, train_runtime: 5}": {},
}

SOURCES: list[tuple[str, str, dict[str, int]]] = [
    ("src/mgi/models/mamba.py", "\n# a comment\n", {}),
    ("src/mgi/models/mamba.py", "\n_EDITED = 1\n", LEARNED),
    ("src/mgi/datasets/preparation.py", "\n_EDITED = 1\n", {"prepare_slices": 1} | LEARNED),
    ("src/mgi/commands/split.py", "\n_EDITED = 1\n", SPLIT),
    ("src/mgi/tasks/segmentation/surfaces.py", "\n_EDITED = 1\n", SCORED),
    ("src/mgi/reporting/page.py", "\n_EDITED = 1\n", {"report": 1}),
    ("src/mgi/modalities/rna/star.py", "\n_EDITED = 1\n", {"shard": 1, "check_leaks": 1, "fit_genes": 1} | LEARNED),
    ("src/mgi/commands/verify.py", "\n_EDITED = 1\n", {}),
]


@contextmanager
def edited(path: Path, addition: str) -> Iterator[None]:
    """The file with an addition at its end; afterwards as it was, bytes and time."""
    before, stat = path.read_text(), path.stat()
    path.write_text(before + addition)
    try:
        yield
    finally:
        path.write_text(before)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


@pytest.mark.parametrize("overlay", SETTINGS)
def test_a_changed_setting_reruns_what_reads_it_and_is_named(
    toy: Toy, tmp_path: Path, snakemake: Any, jobs_of: Jobs, overlay: str
) -> None:
    changed = tmp_path / "changed.yaml"
    changed.write_text(overlay)
    (toy[0] / "my_plugin.py").touch()
    listed = snakemake(toy[0], "-n", "--quiet", "rules", "--configfile", "config/toy.yaml", str(changed))
    assert listed.returncode == 0, listed.stdout
    assert jobs_of(listed.stdout) == SETTINGS[overlay] | RECORDED
    said = [line for line in listed.stdout.splitlines() if line.startswith("config: ")]
    named = [line for line in said if line.startswith(f"config: {overlay.split(':')[0]}")]
    assert bool(named) is not overlay.startswith("results")  # in another folder nothing was recorded yet


def test_the_table_in_the_docs_has_every_section_and_names_the_rules_that_run() -> None:
    page = (ROOT / "config/README.md").read_text().split("## What a change reruns")[1]
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("| ")][1:]
    assert {row[0].strip("`") for row in rows if row[0]} - {"---"} == set(Config.model_fields)
    examples = {row[1].strip("`"): row[2] for row in rows if row[1].startswith("`")}
    assert set(examples) <= set(SETTINGS)
    for example, told in examples.items():
        named = set(re.findall(r"`(\w+)`", told)) & {*INGESTED, "simulate", *OF_ANALYSES}
        if told.startswith("everything"):
            expected = set(INGESTED) | ({"simulate"} if "but the simulation" not in told else set())
        else:
            expected = {rule for first in named for rule in AND_ON.get(first, {first})}
        assert expected - {"report"} == set(SETTINGS[example]) - {"report"}, example


@pytest.mark.parametrize(("name", "addition", "expected"), SOURCES, ids=lambda value: str(value).strip()[:40])
def test_changed_code_reruns_what_runs_it(
    toy: Toy, snakemake: Any, jobs_of: Jobs, name: str, addition: str, expected: dict[str, int]
) -> None:
    with edited(toy[0] / name, addition):
        listed = snakemake(toy[0], "-n", "--quiet", "rules", "--configfile", "config/toy.yaml")
    assert jobs_of(listed.stdout) == expected


@pytest.mark.parametrize("name", ["locks/flair.json", "tables/split.parquet", "archive/archive.json"])
def test_a_touched_file_with_the_same_content_reruns_nothing(
    toy: Toy, snakemake: Any, jobs_of: Jobs, name: str
) -> None:
    (toy[0] / "results/toy" / name).touch()
    listed = snakemake(toy[0], "-n", "--quiet", "rules", "--configfile", "config/toy.yaml")
    assert jobs_of(listed.stdout) == {}


def test_a_touched_file_of_megabytes_reruns_nothing(tmp_path: Path) -> None:
    """Snakemake by itself compares the content of files up to one megabyte only; a Kaggle archive has hundreds."""
    (tmp_path / "archive.zip").write_bytes(bytes(2_000_000))
    (tmp_path / "Snakefile").write_text(
        'rule:\n input: "archive.zip"\n output: "size"\n shell: "wc -c {input} >{output}"\n'
    )
    call = [sys.executable, "-m", "snakemake", "--workflow-profile", str(ROOT / "profiles/default")]
    run = partial(subprocess.run, cwd=tmp_path, capture_output=True, text=True, check=True)
    run(call)
    later = (tmp_path / "size").stat().st_mtime + 10
    os.utime(tmp_path / "archive.zip", (later, later))
    assert "Nothing to be done" in run([*call, "-n"]).stdout
