"""A user's own table of samples and features as a source; it is read in place."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mgi.core.errors import ConfigError
from mgi.core.file_kind import misplaced
from mgi.core.ids import barcode_of, patient_id_of, sample_of, with_hyphens
from mgi.locks.item import Item
from mgi.locks.lock import Lock, Table, check_lock, check_table, table_of
from mgi.locks.raw_index import RawEntry, entry_of
from mgi.locks.source import Listing
from mgi.modalities.gdc.aliquots import check_profile, choose_aliquots

ALIQUOT_LENGTH = 28


@dataclass(frozen=True, kw_only=True)
class MatrixSource:
    """A table at `table`; `labels` reads it and gives the names of its samples, `what` says what it should hold."""

    modality: str
    table: Path | None
    what: str
    labels: Callable[[Path], Sequence[str]]
    stores_bytes: bool = False
    _checked: list[Table] = field(default_factory=list)

    def probe(self) -> str:
        """How many samples the table holds."""
        return f"{len(self.labels(self._present()))} samples in {self._present().name}"

    def discover(self) -> Listing:
        """Every sample label of the table."""
        path = self._present()
        return Listing(rows=tuple({"label": label} for label in self.labels(path)), table=table_of(path))

    def lock(self, listing: Listing) -> Lock:
        """One primary tumour per patient, with a reason for every label."""
        offers = [
            Item(
                patient_id=patient_id_of(label),
                key=label,
                role=self.modality,
                size=0,
                sample=with_hyphens(label) if barcode_of(label) and len(label) >= ALIQUOT_LENGTH else sample_of(label),
                chosen=False,
                reason="",
            )
            for label in (str(row["label"]) for row in listing.rows)
        ]
        items = choose_aliquots(offers, lambda item: item.key, samples=listing.samples)
        lock = Lock(modality=self.modality, source="matrix", simulated=False, table=listing.table, items=items)
        return check_lock(lock, self.check_item)

    def check_item(self, item: Item) -> None:
        """A label is looked up in the table and names nothing else."""
        check_profile(item, self.modality)

    def check_lock(self, lock: Lock) -> None:
        """Refuse a table that is not the locked one."""
        self._checked[:] = [check_table(self._present(), lock.table)]

    def verify(self, item: Item, folder: Path) -> RawEntry | None:
        """A row of the checked table is in place by itself; its digest is the table's."""
        if not self._checked:
            return None
        return entry_of(item, path=None, size=0, sha256=self._checked[0].sha256)

    def fetch(self, item: Item, folder: Path) -> RawEntry:
        """Check the row's place in the table; only reached where the table was not checked."""
        raise ConfigError(f"{item.key}: the table was not compared with the lock before its rows were used")

    def _present(self) -> Path:
        found = "nothing" if self.table is None else misplaced(self.table)
        if self.table is None or found is not None:
            raise ConfigError(f"modalities.{self.modality}.table: found {found}, expected your table of {self.what}")
        return self.table
