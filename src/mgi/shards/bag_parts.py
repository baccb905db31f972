"""Parts of a shard of bags: each has the tiles of its own patients' slides, a picture, and a record written last.

A record has what the table of slides says of each slide, so that the shard is described without reading a tile again.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.mending import mend_of
from mgi.core.parts import PART_PICTURE
from mgi.shards.bags import KIND, Bag, BagWriter, bag_writer
from mgi.shards.part_records import PartRecord, read_records, write_record
from mgi.shards.schemas import BAGGED_SLIDES

_NEVER_NULL = ("patient_id", "slide_id", "source", "tiles", "bad_tiles")


class BagPartWriter:
    """Adds slides to the open file of a part, in order of patient and slide, and remembers what its record says."""

    def __init__(self, writer: BagWriter) -> None:
        self._writer = writer
        self.rows: list[Mapping[str, Any]] = []
        self.simulated = False

    def add(self, bag: Bag, row: Mapping[str, Any], *, simulated: bool) -> None:
        """Append a slide, with its row of the table of slides, and whether it calls itself simulated."""
        self._writer.add(bag)
        self.rows.append(row)
        self.simulated |= simulated


@contextmanager
def bag_part_writer(
    tiles: Path, record: Path, *, part: str, width: int, stated: Mapping[str, Any]
) -> Iterator[BagPartWriter]:
    """Open a part, whose file and then record appear when the block ends well; a part may be empty.

    `stated` is what `dataset.json` is to say of the shard, the same in every part. What else belongs to the part is
    to be written within the block.
    """
    with bag_writer(tiles, width) as writer:
        adding = BagPartWriter(writer)
        yield adding
    fields = {"slides": adding.rows, "simulated": adding.simulated, "stated": {**stated, "width": width}}
    write_record(record, KIND, tiles, writer.sha256(), part=part, **fields)


@dataclass(frozen=True, kw_only=True)
class BagPart:
    """One finished part: its record, its picture, and a row of schemas.BAGGED_SLIDES a slide in the order of both."""

    record: PartRecord
    picture: Path
    slides: Sequence[Mapping[str, Any]]
    simulated: bool


def read_bag_parts(folder: Path, count: int) -> list[BagPart]:
    """All parts of a shard, by their records.

    Raises what `read_records` does, BadInputError where a record's slides are not those of its file, IntegrityError
    where a picture is missing.
    """
    return [_part_of(record) for record in read_records(folder, count, KIND, ("slides", "simulated"))]


def _part_of(record: PartRecord) -> BagPart:
    mend, picture = mend_of(record.path), record.path.with_name(PART_PICTURE.format(part=record.fields["part"]))
    try:
        table = pa.Table.from_pylist(record.fields["slides"], schema=BAGGED_SLIDES)
        if any(table[name].null_count for name in _NEVER_NULL):
            raise ValueError("null")
        slides = table.to_pylist()
        tiles = sum(row["tiles"] for row in slides)
    except (pa.ArrowException, AttributeError, TypeError, ValueError, OverflowError):
        raise BadInputError(f"{record.path}: slides: expected a row a slide; {mend}") from None
    if tiles != record.rows:
        raise BadInputError(f"{record.path}: slides: found {tiles} tiles, expected {record.rows}; {mend}")
    if not isinstance(record.fields["simulated"], bool):
        raise BadInputError(f"{record.path}: simulated: found {record.fields['simulated']!r}, expected a bool; {mend}")
    record.require_own(row["patient_id"] for row in slides)
    if not picture.is_file():
        raise IntegrityError(f"{picture}: missing, though {record.path.name} lists its slides; {mend_of(picture)}")
    return BagPart(record=record, picture=picture, slides=slides, simulated=record.fields["simulated"])
