"""A folder of simulated slides goes through the graph of jobs, and a second run has nothing to do."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from mgi.core.parts import part_of
from mgi.shards.bags import open_bags
from mgi_standin.simulation.slides import Histology, draw_slide
from mgi_standin.simulation.slides_broken import write_case

pytest.importorskip("openslide")

OPTIONS = ("--configfile", "config/toy.yaml", "own.yaml", "--cores", "2")
TARGETS = [f"results/toy/{name}" for name in ("shards/slides/dataset.json", "tables/cohort.tsv")]


@pytest.fixture
def with_slides(tree: Path) -> Path:
    """A workflow whose config has a folder of slides, one of them white."""
    histology = Histology(subtype="IDHwt", factors={"size": 0.0, "margin": 0.0, "contrast": 0.0})
    drawn = draw_slide(histology, shape=(512, 512), mpp=1.0, rng=np.random.default_rng(0))
    (tree / "scans").mkdir()
    for name, case in (("P1", "jpeg"), ("P2", "white"), ("P3__1", "white"), ("P3__2", "jpeg")):
        write_case(tree / f"scans/{name}.svs", case, drawn)
    own = {
        "modalities": {"slides": {"folder": "scans", "tile_px": 64, "mpp": 1.0, "batches": 2}},
        "cohort": {"require": ["rna", "flair"]},
    }
    (tree / "own.yaml").write_text(yaml.safe_dump(own))
    return tree


def test_slides_go_from_lock_to_shard(with_slides: Path, snakemake: Any, jobs_of: Any) -> None:
    done = snakemake(with_slides, *TARGETS, *OPTIONS)
    assert done.returncode == 0, done.stdout[-6000:]
    results = with_slides / "results/toy"
    opened = open_bags(results / "shards/slides")
    assert [row["slide_id"] for row in opened.slides.to_pylist()] == ["P1", "P3__2"]
    assert [bag.patient_id for bag in opened.bags()] == ["P1", "P3"]
    assert (results / "shards/slides/slides.png").stat().st_size > 0
    with (results / "tables/cohort.tsv").open(newline="") as table:
        rows = {row["patient_id"]: row for row in csv.DictReader(table, delimiter="\t")}
    assert [rows[patient]["slides"] for patient in ("P1", "P2", "P3")] == ["true", "false", "true"]
    assert "no tissue" in rows["P2"]["slides_reason"]
    again = snakemake(with_slides, *TARGETS, *OPTIONS)
    assert jobs_of(again.stdout) == {} or "Nothing to be done" in again.stdout

    # One patient less: the part that held them, and the description of all.
    own = yaml.safe_load((with_slides / "own.yaml").read_text())
    own["cohort"]["exclude"] = ["P1"]
    (with_slides / "own.yaml").write_text(yaml.safe_dump(own))
    before = {path.name: path.stat().st_mtime_ns for path in (results / "shards/slides").glob("part-*")}
    done = snakemake(with_slides, *TARGETS, *OPTIONS)
    assert done.returncode == 0, done.stdout[-6000:]
    jobs = {rule: count for rule, count in jobs_of(done.stdout).items() if rule != "record_config"}
    assert jobs == {"cohort": 1, "shard_bags": 1, "describe_bags": 1}
    after = {path.name: path.stat().st_mtime_ns for path in (results / "shards/slides").glob("part-*")}
    assert {name for name in before if after[name] != before[name]} == {
        f"part-{part_of('P1', 2)}.{ending}" for ending in ("parquet", "json", "png")
    }
    assert [bag.patient_id for bag in open_bags(results / "shards/slides").bags()] == ["P3"]

    other = yaml.safe_load((with_slides / "own.yaml").read_text())
    other["modalities"]["slides"]["min_tissue"] = 0.9
    (with_slides / "own.yaml").write_text(yaml.safe_dump(other))
    planned = jobs_of(snakemake(with_slides, *TARGETS, "-n", "--quiet", "rules", *OPTIONS).stdout)
    assert {"lock", "fetch", "shard_bags", "describe_bags"} <= set(planned)
    assert "shard_volumes" not in planned
