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
from mgi.shards.channels import MAIN_ALONE, Channel
from mgi.shards.image_shard import KIND, ImageShardWriter, image_shard_writer
from mgi.shards.part_records import PartRecord, read_records, write_record


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
    fields = {"digests": adding.digests, "dropped": adding.dropped, "stated": {**stated, **beside}}
    write_record(record, KIND, slices, writer.sha256(), part=part, **fields)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One finished part: its record, and by patient the digest of the image, in order of ids, and what was dropped."""

    record: PartRecord
    digests: Mapping[str, bytes]
    dropped: Mapping[str, Sequence[str]]


def read_parts(folder: Path, count: int) -> list[Part]:
    """All parts of a shard, by their records; raises what `read_records` does, and BadInputError where a patient is of
    another part."""
    return [_part_of(record) for record in read_records(folder, count, KIND, ("digests", "dropped"))]


def _part_of(record: PartRecord) -> Part:
    try:
        digests = {patient: bytes.fromhex(digest) for patient, digest in sorted(record.fields["digests"].items())}
        dropped = dict(record.fields["dropped"])
    except (AttributeError, TypeError, ValueError):
        mend = mend_of(record.path)
        raise BadInputError(f"{record.path}: digests or dropped: expected an entry a patient; {mend}") from None
    record.require_own(digests)
    return Part(record=record, digests=digests, dropped=dropped)
