"""Parts of a shard of images: each has slices of its own patients, and a record beside them that is written last.

A record has the digest of the file and of each image, so that the shard is described without reading a slice again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mgi.core.errors import BadInputError
from mgi.core.mending import mend_of
from mgi.core.parts import PART_FILE, PART_RECORD, all_parts, numbers_of, part_of
from mgi.shards.channels import MAIN_ALONE, Channel
from mgi.shards.dataset_manifest import read_description, write_dataset
from mgi.shards.image_shard import KIND, ImageShardWriter, image_shard_writer

_OF_PART = ("part", "digests", "dropped", "stated")


class PartWriter:
    """Adds patients to the open file of a part, in order of their ids, and remembers what its record says of them."""

    def __init__(self, writer: ImageShardWriter) -> None:
        self._writer = writer
        self.digests: dict[str, str] = {}
        self.dropped: dict[str, list[str]] = {}

    def add(self, patient_id: str, rows: pa.Table, digest: bytes, notes: Sequence[str] = ()) -> None:
        """Append what `image_shard.rows_of` made of a patient, with the image's digest and what was dropped of it."""
        self._writer.add_rows(patient_id, rows)
        self.digests[patient_id] = digest.hex()
        if notes:
            self.dropped[patient_id] = list(notes)

    @property
    def n_slices(self) -> int:
        """How many there are by now."""
        return self._writer.n_slices


@contextmanager
def part_writer(
    slices: Path, record: Path, *, part: str, stated: Mapping[str, Any], channels: tuple[Channel, ...] = MAIN_ALONE
) -> Iterator[PartWriter]:
    """Open a part, whose file and then record appear when the block ends well; a part may be empty.

    `stated` is what `dataset.json` is to say of the shard, the same in every part.
    """
    with image_shard_writer(slices, channels) as writer:
        adding = PartWriter(writer)
        yield adding
    beside = {} if channels == MAIN_ALONE else {"channels": list(channels)}
    fields = {"part": part, "digests": adding.digests, "dropped": adding.dropped, "stated": {**stated, **beside}}
    write_dataset(record, KIND, [slices], fields, digests={slices.name: writer.sha256()})


@dataclass(frozen=True, kw_only=True)
class Part:
    """One finished part: the digest of the image by patient, in order of their ids, and what its record says."""

    record: Path
    slices: Path
    sha256: str
    rows: int
    digests: Mapping[str, bytes]
    dropped: Mapping[str, Sequence[str]]
    stated: Mapping[str, Any]


def read_parts(folder: Path, count: int) -> list[Part]:
    """All parts of a shard, by their records; of the files only size and footer are compared.

    Raises BadInputError where one is missing or foreign, or says something else of the shard than the first one,
    IntegrityError where a file is not that of its record.
    """
    parts = [_read_part(folder, part) for part in all_parts(count)]
    first = parts[0]
    for part in parts:
        for name in sorted(first.stated.keys() | part.stated.keys()):
            found, expected = part.stated.get(name), first.stated.get(name)
            if found != expected:
                wanted = f"{expected!r} as in {first.record.name}"
                raise BadInputError(
                    f"{part.record}: {name}: found {found!r}, expected {wanted}; {mend_of(part.record)}"
                )
    return parts


def _read_part(folder: Path, name: str) -> Part:
    path, slices = folder / PART_RECORD.format(part=name), folder / PART_FILE.format(part=name)
    given, mend, (_, count) = read_description(path, KIND, _OF_PART), mend_of(path), numbers_of(name, "part")
    if given["part"] != name or [*given["files"]] != [slices.name]:
        raise BadInputError(f"{path}: part: found {given['part']!r}, expected {name} with {slices.name}; {mend}")
    try:
        digests = {patient: bytes.fromhex(digest) for patient, digest in sorted(given["digests"].items())}
        dropped, stated = dict(given["dropped"]), dict(given["stated"])
    except (AttributeError, TypeError, ValueError):
        raise BadInputError(f"{path}: digests, dropped or stated: expected an entry a patient; {mend}") from None
    if strange := [patient for patient in digests if part_of(patient, count) != name]:
        raise BadInputError(f"{path}: {strange[0]} is of {part_of(strange[0], count)}, expected {name} alone; {mend}")
    file = given["files"][slices.name]
    return Part(
        record=path,
        slices=slices,
        sha256=file["sha256"],
        rows=file["rows"],
        digests=digests,
        dropped=dropped,
        stated=stated,
    )
