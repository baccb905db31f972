"""A patient who comes or goes has one part of the image shard made again; seen in runs, not in lists of jobs alone."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from mgi.cohort.tables import read_cohort
from mgi.core.files import read_json
from mgi.core.parts import part_of
from mgi.shards.image_shard import read_images

Jobs = Callable[[str], dict[str, int]]
UNTIL = ("--until", "describe_volumes", "--quiet", "rules", "--configfile", "config/toy.yaml")


@pytest.fixture
def run(toy: tuple[Path, str], tmp_path: Path, snakemake: Any, jobs_of: Jobs) -> Callable[..., dict[str, int]]:
    """Run the copy of the toy in `tmp_path / "toy"` without these patients; the jobs that it had."""
    folder = tmp_path / "toy"
    shutil.copytree(toy[0], folder)

    def run(*excluded: str) -> dict[str, int]:
        (folder / "less.yaml").write_text(yaml.safe_dump({"cohort": {"exclude": list(excluded)}}))
        done = snakemake(folder, *UNTIL, "less.yaml")
        assert done.returncode == 0, done.stdout[-6000:]
        jobs: dict[str, int] = jobs_of(done.stdout)
        return {rule: count for rule, count in jobs.items() if rule != "record_config"}

    return run


def states(shard: Path) -> dict[str, tuple[int, bytes]]:
    """Time and bytes of every file of the parts."""
    return {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in shard.glob("part-*")}


def test_one_part_is_made_again_where_a_patient_goes_and_where_all_of_it_go(
    run: Callable[..., dict[str, int]], tmp_path: Path
) -> None:
    results = tmp_path / "toy/results/toy"
    shard = results / "shards/flair"
    patients = list(read_cohort(results / "tables/cohort.parquet").present("flair")["patient_id"])
    own = [patient for patient in patients if part_of(patient, 2) == "1-of-2"]
    other = next(patient for patient in patients if patient not in own)
    first = states(shard)

    assert run(own[0]) == {"cohort": 1, "shard_volumes": 1, "describe_volumes": 1}
    second = states(shard)
    assert changed(first, second) == {"part-1-of-2.parquet", "part-1-of-2.json"}
    assert list(read_images(shard)) == [patient for patient in patients if patient != own[0]]

    assert run(*own) == {"cohort": 1, "shard_volumes": 1, "describe_volumes": 1}
    third = states(shard)
    assert changed(second, third) == {"part-1-of-2.parquet", "part-1-of-2.json"}
    assert read_json(shard / "dataset.json")["files"]["part-1-of-2.parquet"]["rows"] == 0
    assert list(read_images(shard)) == [patient for patient in patients if patient not in own]

    assert run(*own, other) == {"cohort": 1, "shard_volumes": 1, "describe_volumes": 1}
    assert changed(third, states(shard)) == {"part-2-of-2.parquet", "part-2-of-2.json"}

    assert run() == {"cohort": 1, "shard_volumes": 2, "describe_volumes": 1}
    assert {name: content for name, (_, content) in states(shard).items()} == {
        name: content for name, (_, content) in first.items()
    }


def changed(before: dict[str, tuple[int, bytes]], after: dict[str, tuple[int, bytes]]) -> set[str]:
    """The files with another time or other bytes."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def test_more_batches_leave_no_part_of_the_old_number(
    toy: tuple[Path, str], tmp_path: Path, snakemake: Any, jobs_of: Jobs
) -> None:
    folder = tmp_path / "toy"
    shutil.copytree(toy[0], folder)
    before = read_images(folder / "results/toy/shards/flair")
    (folder / "more.yaml").write_text("modalities: {flair: {batches: 3}}")
    done = snakemake(folder, *UNTIL, "more.yaml")
    assert done.returncode == 0, done.stdout[-6000:]
    jobs = jobs_of(done.stdout)
    assert (jobs["shard_volumes"], jobs["describe_volumes"]) == (3, 1)
    names = {path.name for path in (folder / "results/toy/shards/flair").iterdir()}
    parts = {f"part-{index}-of-3.{ending}" for index in (1, 2, 3) for ending in ("parquet", "json")}
    assert names == {*parts, "dataset.json"}
    after = read_images(folder / "results/toy/shards/flair")
    assert {patient: one.slices.tobytes() for patient, one in after.items()} == {
        patient: one.slices.tobytes() for patient, one in before.items()
    }
