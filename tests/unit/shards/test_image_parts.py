"""Parts of a shard of images, as they are written and as their records are read."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import read_json, write_json
from mgi.core.parts import all_parts, part_of
from mgi.shards.image_parts import part_writer, read_parts
from mgi.shards.image_shard import PatientImages, rows_of

PATIENTS = [f"P{index}" for index in range(6)]
STATED = {"source": "tcia", "simulated": False}


def write_part(folder: Path, part: str, patients: list[str], **stated: Any) -> None:
    paths = (folder / f"part-{part}.parquet", folder / f"part-{part}.json")
    with part_writer(*paths, part=part, stated=STATED | stated) as writer:
        for patient in patients:
            slices = np.full((2, 3, 4), len(patient), np.int16)
            images = PatientImages(
                patient_id=patient, slices=slices, masks=None, spacing_mm=None, positions_mm=None, source="s"
            )
            writer.add(patient, rows_of(images), patient.encode(), ("a note",) if patient == "P0" else ())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in all_parts(3):
        write_part(tmp_path, part, [patient for patient in PATIENTS if part_of(patient, 3) == part])
    return tmp_path


def test_the_records_say_whom_the_parts_hold_and_what_was_dropped(folder: Path) -> None:
    parts = read_parts(folder, 3)
    assert [part.record.file.name for part in parts] == [f"part-{part}.parquet" for part in all_parts(3)]
    assert sorted(patient for part in parts for patient in part.digests) == PATIENTS
    assert {key: value for part in parts for key, value in part.digests.items()}["P3"] == b"P3"
    assert [notes for part in parts for notes in part.dropped.values()] == [["a note"]]
    assert sum(part.record.rows for part in parts) == 12
    assert all(part.record.stated == STATED for part in parts)


def test_a_part_may_be_empty(folder: Path) -> None:
    write_part(folder, "2-of-3", [])
    assert read_parts(folder, 3)[1].digests == {}


def test_a_part_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="P1 after P2"):
        write_part(tmp_path, "1-of-1", ["P2", "P1"])
    assert list(tmp_path.iterdir()) == []


def _edit(**changes: Any) -> Callable[[Path], None]:
    def edit(folder: Path) -> None:
        path = folder / "part-2-of-3.json"
        write_json(path, {**read_json(path), **changes})

    return edit


def _remove(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _copy(folder: Path) -> None:
    for ending in ("json", "parquet"):
        (folder / f"part-2-of-3.{ending}").write_bytes((folder / f"part-1-of-3.{ending}").read_bytes())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        (_remove("part-2-of-3.json"), BadInputError, r"part-2-of-3\.json: missing; the shard was never finished"),
        (_remove("part-2-of-3.parquet"), IntegrityError, r"part-2-of-3\.parquet: missing, though part-2-of-3\.json"),
        (_copy, BadInputError, r"part-2-of-3\.json: part: found '1-of-3', expected 2-of-3 with part-2-of-3\.parquet"),
        (_edit(digests={"P0": "x"}), BadInputError, r"part-2-of-3\.json: digests or dropped: expected an"),
        (_edit(digests=[]), BadInputError, r"part-2-of-3\.json: digests or dropped: expected an"),
        (_edit(dropped=3), BadInputError, r"part-2-of-3\.json: digests or dropped: expected an"),
        (_edit(kind="table"), BadInputError, r"part-2-of-3\.json: expected the description of a shard of kind"),
        (
            _edit(stated={"simulated": False}), BadInputError,
            r"part-2-of-3\.json: source: found None, expected 'tcia' as in part-1-of-3\.json; delete it and run",
        ),
        (
            lambda folder: write_part(folder, "2-of-3", [], labels={"tumour": [1]}), BadInputError,
            r"part-2-of-3\.json: labels: found \{'tumour': \[1\]\}, expected None as in part-1-of-3\.json",
        ),
        (
            lambda folder: write_part(folder, "2-of-3", PATIENTS), BadInputError,
            r"part-2-of-3\.json: P\d is of [13]-of-3, expected 2-of-3 alone",
        ),
    ],
)  # fmt: skip
def test_a_missing_foreign_or_disagreeing_part_is_refused(
    folder: Path, change: Callable[[Path], None], error: type[Exception], message: str
) -> None:
    change(folder)
    with pytest.raises(error, match=message):
        read_parts(folder, 3)
