"""A modality of one number a patient, in a text file of the user's: all that a new modality needs, in one file."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from mgi.core.ids import patient_id_of
from mgi.locks.item import Item
from mgi.locks.lock import Lock, check_lock, check_table, table_of
from mgi.locks.raw_index import RawEntry, entry_of
from mgi.locks.settings import FetchSettings
from mgi.locks.source import Listing
from mgi.modalities.fetching import Serve
from mgi.modalities.modality import Modality
from mgi.modalities.registry import register
from mgi.modalities.sharding import ShardJob
from mgi.shards.expression_shard import ExpressionShard, write_expression

TOY = "toy"


class ToySettings(FetchSettings):
    """One number a patient."""

    source: Literal["text"] = "text"
    """text: a file of lines with a patient and a number."""
    file: str
    """Path of the file."""


@dataclass(frozen=True, kw_only=True)
class TextSource:
    """A file of lines with a patient and a number; fetching writes each number to a file of its own."""

    file: Path
    stores_bytes: bool = True

    def probe(self) -> str:
        return f"{len(self._numbers())} patients in {self.file.name}"

    def discover(self) -> Listing:
        rows = tuple({"patient": patient} for patient in self._numbers())
        return Listing(rows=rows, table=table_of(self.file))

    def lock(self, listing: Listing) -> Lock:
        items = tuple(
            Item(patient_id=patient_id_of(row["patient"]), key=row["patient"], role=TOY, size=1, chosen=True, reason="")
            for row in listing.rows
        )
        lock = Lock(modality=TOY, source="text", simulated=False, table=listing.table, items=items)
        check_lock(lock, self.check_item)
        return lock

    def check_item(self, item: Item) -> None:
        patient_id_of(item.key)

    def check_lock(self, lock: Lock) -> None:
        check_table(self.file, lock.table)

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        return None

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        path = folder / f"{item.key}.txt"
        path.write_text(self._numbers()[item.key])
        return entry_of(item, path=path, size=1, sha256=hashlib.sha256(path.read_bytes()).hexdigest())

    def _numbers(self) -> dict[str, str]:
        return dict(line.split() for line in self.file.read_text().splitlines())  # type: ignore[misc]


@contextmanager
def open_source(chosen: ToySettings, *, archive: str | None, table: str | None, serve: Serve) -> Iterator[TextSource]:
    yield TextSource(file=Path(table or chosen.file))


def summary(lock: Lock) -> Sequence[str]:
    return [f"{len(lock.chosen)} patients"]


def shard(job: ShardJob) -> str:
    entries = sorted(job.usable(), key=lambda entry: entry.patient_id)
    values = np.array([[float(entry.verified_path().read_text())] for entry in entries], np.float32)
    column: dict[str, Any] = {"gene_index": [0], "gene_id": [TOY], "gene_name": [TOY]}
    genes = pd.DataFrame(column).assign(gene_type=None, chromosome=None, start=None)
    whole = ExpressionShard(
        patient_ids=[entry.patient_id for entry in entries],
        values=values,
        genes=genes,
        unit="as given",
        simulated=False,
    )
    files = (job.outputs[name] for name in ("values", "features", "dataset"))
    write_expression(whole, *files, modality=TOY)
    return f"{len(entries)} patients"


register(
    Modality(
        name=TOY,
        shard_format="table",
        settings=f"{__name__}:ToySettings",
        fetching=__name__,
        sharding=__name__,
        own_files={"text": "file"},
    )
)
