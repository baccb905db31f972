"""Slides of the simulated GDC go through the graph of jobs, and a second run has nothing to do."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from mgi.shards.bags import open_bags

pytest.importorskip("openslide")

OWN = {
    "simulation": {"n_patients": 8, "slides": True},
    "modalities": {"slides": {"source": "gdc", "mpp": 1.0, "tile_px": 64, "batches": 2, "retry_base_s": 0.0}},
    "cohort": {"require": ["rna", "flair"]},
}
OPTIONS = ("--configfile", "config/toy.yaml", "own.yaml", "--cores", "2")
TARGETS = [f"results/toy/{name}" for name in ("shards/slides/dataset.json", "tables/cohort.tsv")]


def test_slides_go_from_the_search_to_the_shard(tree: Path, snakemake: Any, jobs_of: Any) -> None:
    (tree / "own.yaml").write_text(yaml.safe_dump(OWN))
    done = snakemake(tree, *TARGETS, *OPTIONS)
    assert done.returncode == 0, done.stdout[-6000:]
    results = tree / "results/toy"
    lock = json.loads((results / "locks/slides.json").read_text())
    assert (lock["source"], lock["simulated"]) == ("gdc", True)
    opened = open_bags(results / "shards/slides")
    rows = opened.slides.to_pylist()
    assert len(rows) == len({row["patient_id"] for row in rows}) == 8
    assert all("-01Z-00-DX1." in row["slide_id"] for row in rows)
    assert {row["source"] for row in rows} == {f"md5:{item['md5']}" for item in lock["items"] if item["chosen"]}
    assert [bag.patient_id for bag in opened.bags()] == [row["patient_id"] for row in rows]
    with (results / "tables/cohort.tsv").open(newline="") as table:
        assert {row["slides"] for row in csv.DictReader(table, delimiter="\t")} == {"true"}
    again = snakemake(tree, *TARGETS, *OPTIONS)
    assert jobs_of(again.stdout) == {} or "Nothing to be done" in again.stdout

    # Without the slides themselves the shard is the same.
    shard = results / "shards/slides"
    tiles = {path.name: path.read_bytes() for path in shard.glob("*.parquet")}
    (tree / "consume.yaml").write_text("modalities: {slides: {keep: false}}")
    options = ("--configfile", "config/toy.yaml", "own.yaml", "consume.yaml", "--cores", "2")
    done = snakemake(tree, *TARGETS, *options)
    assert done.returncode == 0, done.stdout[-6000:]
    assert {"fetch", "shard_bags"} <= set(jobs_of(done.stdout))
    assert {path.name: path.read_bytes() for path in shard.glob("*.parquet")} == tiles
    assert not [*(results / "raw/slides/files").glob("*.svs")]
    assert len([*(results / "raw/slides/files").glob("*.npz")]) == 8
    again = snakemake(tree, *TARGETS, *options)
    assert jobs_of(again.stdout) == {} or "Nothing to be done" in again.stdout
