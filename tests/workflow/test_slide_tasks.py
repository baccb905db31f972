"""Slides and expression through the graph of jobs, from the simulated archive to the report; no scan is there."""

import csv
from pathlib import Path
from typing import Any

import pytest
import yaml

from mgi.explain.tile_attention_file import read_tile_attention

pytest.importorskip("openslide")
CONFIG = {
    "simulation": {
        "n_patients": 24, "n_genes": 1200, "subtype_genes": 150, "slides": True, "split_evidence": True,
        "slices_min": 1, "slices_max": 1, "pixels": 16,
    },
    "modalities": {"flair": None, "slides": {"source": "gdc", "tile_px": 128, "mpp": 1.0, "retry_base_s": 0.0}},
    "cohort": {"require": ["rna", "slides"]},
    "split": {"validation_fraction": 0.3},
    "labels": {
        "source": "table", "table": "results/toy/archive/labels.tsv",
        "columns": {"patient_id": "case", "classes": {"subtype": "subtype"}}, "read_off": {"subtype": ["rna"]},
    },
    "model": {"max_tiles": 6},
    "pretrain": {
        "loss": "multi_positive", "slices_per_patient": 2, "masked_patch_weight": 1.0, "triplet_weight": 1.0,
    },
    "runs": {
        "image": "slides", "task": "classification", "target": "subtype", "methods": ["mgi"], "controls": ["no-genes"],
    },
}  # fmt: skip
RUN = "mgi-classification-subtype-fold0-seed0"


def test_slides_go_from_the_archive_to_the_report_and_a_rerun_has_nothing_to_do(
    tree: Path, snakemake: Any, jobs_of: Any
) -> None:
    (tree / "slides.yaml").write_text(yaml.safe_dump(CONFIG))
    given = ("--configfile", "config/toy.yaml", "slides.yaml", "--cores", "2")
    done = snakemake(tree, *given)
    assert done.returncode == 0, done.stdout[-6000:]
    jobs = jobs_of(done.stdout)
    assert jobs["tile_attention"] == 1
    assert not {"prepare_slices", "shard_volumes", "lesion_features"} & set(jobs), "what reads scans has nothing to do"
    results = tree / "results/toy"
    with (results / "evaluation/results.csv").open(newline="") as table:
        rows = list(csv.DictReader(table))
    inputs = {(row["method"], row["expression_input"]): row["circular"] for row in rows if row["definition"] == "auc"}
    assert inputs[("mgi", "own")] == inputs[("mgi", "image_permuted")] == "subtype is read off rna"
    assert inputs[("mgi-no-genes", "not_used")] == inputs[("mgi-no-genes", "image_permuted")] == ""
    attention = read_tile_attention(results / f"attention/{RUN}.parquet")
    assert 8 <= attention["patient_id"].nunique() <= 12, "those of the test, about half of the patients"
    page = (results / "report.html").read_text()
    assert "<h2>Slides</h2>" in page
    assert "circular: subtype is read off rna" in page
    assert "Attention of tiles over small pictures of slides, simulated" in page
    assert "Nothing to be done" in snakemake(tree, *given, "-n").stdout
