"""Tiles come back slide by slide as they were put in; what breaks the format is refused on the way in and out."""

import hashlib
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.shards.bags import KIND, Bag, bag_writer, describe_files, open_bags
from mgi.shards.dataset_manifest import read_dataset

WIDTH = 6


def bag(patient: str, slide: str, n_tiles: int, known: bool = True) -> Bag:
    rng = np.random.default_rng([*slide.encode()])
    return Bag(
        patient_id=patient,
        slide_id=slide,
        corners=np.stack([np.arange(n_tiles) * 256, np.full(n_tiles, 512)], 1),
        embeddings=rng.normal(size=(n_tiles, WIDTH)).astype(np.float32),
        tissue=rng.uniform(0.5, 1, n_tiles).astype(np.float32) if known else None,
    )


BAGS = [bag("P1", "a", 3), bag("P1", "b", 1), bag("P2", "a", 70, known=False)]


def write(folder: Path, bags: list[Bag] = BAGS) -> Path:
    tiles, slides, dataset = (folder / name for name in ("tiles.parquet", "slides.parquet", "dataset.json"))
    with bag_writer(tiles, WIDTH) as writer:
        for one in bags:
            writer.add(one)
    rows = [
        {"patient_id": one.patient_id, "slide_id": one.slide_id, "tiles": len(one.corners), "bad_tiles": 0}
        for one in bags
    ]
    stated: dict[str, Any] = {"encoder": "handmade", "width": WIDTH, "tile_px": 256, "mpp": 0.5, "simulated": True}
    describe_files({tiles: writer.sha256()}, slides, dataset, rows, **stated)
    return folder


@pytest.fixture(scope="module")
def shard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("shard"))


def test_bags_come_back_as_half_precision(shard: Path) -> None:
    opened = open_bags(shard)
    assert (opened.width, opened.patient_ids) == (WIDTH, ["P1", "P2"])
    for found, given in zip(opened.bags(), BAGS, strict=True):
        assert (found.patient_id, found.slide_id) == (given.patient_id, given.slide_id)
        assert (found.corners == given.corners).all()
        assert (found.embeddings == given.embeddings.astype(np.float16)).all()
        assert found.embeddings.dtype == np.float16
        assert (found.tissue is None) == (given.tissue is None)
        assert given.tissue is None or found.tissue == pytest.approx(given.tissue)


def test_some_patients_are_read_alone(shard: Path) -> None:
    assert [one.slide_id for one in open_bags(shard).bags(["P1"])] == ["a", "b"]
    assert [*open_bags(shard).bags(["nobody"])] == []


def test_the_description_counts_and_digests(shard: Path) -> None:
    found = read_dataset(shard, KIND)
    assert {name: found[name] for name in ("rows", "slides", "patients", "encoder")} == {
        "rows": 74,
        "slides": 3,
        "patients": 2,
        "encoder": "handmade",
    }
    own = hashlib.sha256((shard / "tiles.parquet").read_bytes()).hexdigest()
    assert found["files"]["tiles.parquet"]["sha256"] == own
    assert pq.ParquetFile(shard / "tiles.parquet").num_row_groups == 3


def test_equal_bags_give_equal_bytes(shard: Path, tmp_path: Path) -> None:
    again = write(tmp_path)
    for name in ("tiles.parquet", "slides.parquet", "dataset.json"):
        assert (again / name).read_bytes() == (shard / name).read_bytes()


def changed(**change: Any) -> Bag:
    return replace(BAGS[0], **change)


@pytest.mark.parametrize(
    "broken",
    [
        [BAGS[1], BAGS[0]],
        [BAGS[0], BAGS[0]],
        [changed(embeddings=BAGS[0].embeddings[:, :5])],
        [changed(corners=BAGS[0].corners[:2])],
        [changed(embeddings=np.full((3, WIDTH), np.inf))],
        [changed(embeddings=np.full((3, WIDTH), 7e4))],
        [changed(tissue=np.ones(2))],
        [changed(embeddings=np.empty((0, WIDTH)), corners=np.empty((0, 2), int), tissue=None)],
    ],
)
def test_what_breaks_the_format_is_refused_and_leaves_no_file(broken: list[Bag], tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"^bags shard: P1: "):
        write(tmp_path, broken)
    assert [*tmp_path.iterdir()] == []


def test_damage_is_found(shard: Path, tmp_path: Path) -> None:
    for name in ("tiles.parquet", "slides.parquet"):
        folder = tmp_path / name
        shutil.copytree(shard, folder)
        data = bytearray((folder / name).read_bytes())
        data[len(data) // 3] ^= 1
        (folder / name).write_bytes(data)
        with pytest.raises((IntegrityError, BadInputError)):
            [*open_bags(folder).bags()]
    (tmp_path / "tiles.parquet/slides.parquet").unlink()
    with pytest.raises(IntegrityError, match=r"slides\.parquet: missing"):
        open_bags(tmp_path / "tiles.parquet")
