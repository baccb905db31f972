"""Parts of a shard of bags, as they are written and as their records are read; test_shard makes them by commands."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import read_json, write_json
from mgi.core.parts import all_parts, part_of
from mgi.shards.bag_parts import bag_part_writer, read_bag_parts
from mgi.shards.bags import Bag, describe_files, open_bags

PATIENTS = [f"P{index}" for index in range(6)]
STATED = {"encoder": "handmade", "tile_px": 64, "mpp": 0.5}
WIDTH = 3


def bag_of(patient: str) -> Bag:
    n_tiles = int(patient[1:]) + 1
    corners = np.stack([np.arange(n_tiles), np.zeros(n_tiles, np.int64)], 1)
    return Bag(patient_id=patient, slide_id="s", corners=corners, embeddings=np.full((n_tiles, WIDTH), n_tiles))


def write_part(folder: Path, part: str, patients: list[str], **stated: Any) -> None:
    paths = (folder / f"part-{part}.parquet", folder / f"part-{part}.json")
    with bag_part_writer(*paths, part=part, width=WIDTH, stated=STATED | stated) as writer:
        for patient in patients:
            bag = bag_of(patient)
            row = {"patient_id": patient, "slide_id": "s", "tiles": len(bag.corners), "bad_tiles": 0, "source": "x"}
            writer.add(bag, row, simulated=patient == "P3")
        (folder / f"part-{part}.png").touch()


def own_of(part: str) -> list[str]:
    return [patient for patient in PATIENTS if part_of(patient, 3) == part]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in all_parts(3):
        write_part(tmp_path, part, own_of(part))
    return tmp_path


def test_the_records_say_which_slides_the_parts_hold(folder: Path) -> None:
    parts = read_bag_parts(folder, 3)
    assert [[row["patient_id"] for row in part.slides] for part in parts] == [own_of(part) for part in all_parts(3)]
    assert [part.simulated for part in parts] == ["P3" in own_of(part) for part in all_parts(3)]
    assert all(part.record.stated == STATED | {"width": WIDTH} for part in parts)
    assert [part.picture.name for part in parts] == [f"part-{part}.png" for part in all_parts(3)]


def test_patients_are_read_in_their_order_from_whichever_part(folder: Path) -> None:
    write_part(folder, "2-of-3", [])
    parts = read_bag_parts(folder, 3)
    rows = sorted((row for part in parts for row in part.slides), key=lambda row: row["patient_id"])
    files = {part.record.file: part.record.sha256 for part in parts}
    describe_files(files, folder / "slides.parquet", folder / "dataset.json", rows, simulated=True,
                   **parts[0].record.stated)  # fmt: skip
    expected = [patient for patient in PATIENTS if patient not in own_of("2-of-3")]
    found = [*open_bags(folder).bags()]
    assert [one.patient_id for one in found] == expected
    assert [(one.embeddings == len(one.corners)).all() for one in found] == [True] * len(expected)
    assert [one.patient_id for one in open_bags(folder).bags([expected[-1]])] == expected[-1:]
    write_part(folder, "1-of-3", own_of("1-of-3")[:-1])
    with pytest.raises(IntegrityError, match=r"part-1-of-3\.parquet: "):
        open_bags(folder)


def test_a_part_that_fails_leaves_no_record_and_no_tiles(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="P1: s: after s of P2"):
        write_part(tmp_path, "1-of-1", ["P2", "P1"])
    assert list(tmp_path.iterdir()) == []


def _edit(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "part-2-of-3.json"
        write_json(path, read_json(path) | changes)

    return edit


def _without_digest(folder: Path) -> None:
    path = folder / "part-2-of-3.json"
    record = read_json(path)
    del record["files"]["part-2-of-3.parquet"]["sha256"]
    write_json(path, record)


@pytest.mark.parametrize(
    ("damage", "error", "said"),
    [
        (lambda folder: (folder / "part-2-of-3.png").unlink(), IntegrityError, r"part-2-of-3\.png: missing"),
        (lambda folder: write_part(folder, "2-of-3", own_of("2-of-3"), mpp=1.0), BadInputError, "mpp: found 1.0"),
        (_edit(slides=[]), BadInputError, r"part-2-of-3\.json: slides: found 0 tiles, expected "),
        (_edit(slides=[{"tiles": "many"}]), BadInputError, r"part-2-of-3\.json: slides: expected a row a slide"),
        (_edit(slides=[{"tiles": 1}]), BadInputError, r"part-2-of-3\.json: slides: expected a row a slide"),
        (_edit(slides=3), BadInputError, r"part-2-of-3\.json: slides: expected a row a slide"),
        (_edit(simulated="yes"), BadInputError, r"part-2-of-3\.json: simulated: found 'yes', expected a bool"),
        (_without_digest, BadInputError, r"part-2-of-3\.json: files: part-2-of-3\.parquet: sha256: found None"),
        (_edit(stated=3), BadInputError, r"part-2-of-3\.json: stated: found 3, expected entries by name"),
    ],
)
def test_a_part_that_is_not_what_was_written_is_named(
    folder: Path, damage: Callable[[Path], None], error: type[Exception], said: str
) -> None:
    damage(folder)
    with pytest.raises(error, match=said):
        read_bag_parts(folder, 3)


def test_a_patient_of_another_part_is_named(folder: Path) -> None:
    stranger = own_of("1-of-3")[0]
    write_part(folder, "2-of-3", [stranger])
    with pytest.raises(BadInputError, match=rf"part-2-of-3\.json: {stranger} is of 1-of-3, expected 2-of-3 alone"):
        read_bag_parts(folder, 3)
