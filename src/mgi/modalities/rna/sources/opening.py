"""The source of gene expression that a configuration names: the GDC, or a table of the user's own, read in place."""

import dataclasses
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from mgi.core.errors import ConfigError
from mgi.core.file_kind import misplaced
from mgi.core.ids import barcode_of, patient_id_of, sample_of, with_hyphens
from mgi.http.credentials import gdc_credential
from mgi.locks.item import Item
from mgi.locks.lock import Lock, Table, check_lock, check_table, table_of
from mgi.locks.raw_index import RawEntry, entry_of
from mgi.locks.source import Listing, Source
from mgi.modalities.fetching import Serve
from mgi.modalities.gdc.aliquots import ONLY_FIXED, TIED, check_profile, choose_aliquots
from mgi.modalities.gdc.files import GdcFiles
from mgi.modalities.gdc.preference import FIXED_LAST, PRESERVATION, VIAL_A_FIRST
from mgi.modalities.gdc.query import GdcQuery
from mgi.modalities.rna.settings import RnaSettings

RNA = "rna"
STAR_COUNTS = GdcQuery(
    modality=RNA,
    what="STAR counts",
    data_category="Transcriptome Profiling",
    data_type="Gene Expression Quantification",
    experimental_strategy="RNA-Seq",
    workflow_type="STAR - Counts",
    suffix=".tsv",
    in_samples=True,
)
ALIQUOT_LENGTH = 28


@dataclass(frozen=True, kw_only=True)
class MatrixExpression:
    """A table of samples and genes at `table`, read in place; `ignore` are labels of it that are no genes."""

    table: Path | None
    ignore: tuple[str, ...] = ()
    stores_bytes: bool = False
    _checked: list[Table] = field(default_factory=list)

    def probe(self) -> str:
        """How many samples the table holds."""
        return f"{len(_sample_labels(self._present(), self.ignore))} samples in {self._present().name}"

    def discover(self) -> Listing:
        """Every sample label of the table."""
        path = self._present()
        return Listing(
            rows=tuple({"label": label} for label in _sample_labels(path, self.ignore)), table=table_of(path)
        )

    def lock(self, listing: Listing) -> Lock:
        """One primary tumour per patient, with a reason for every label."""
        offers = [
            Item(
                patient_id=patient_id_of(label),
                key=label,
                role=RNA,
                size=0,
                sample=with_hyphens(label) if barcode_of(label) and len(label) >= ALIQUOT_LENGTH else sample_of(label),
                chosen=False,
                reason="",
            )
            for label in (str(row["label"]) for row in listing.rows)
        ]
        items = choose_aliquots(offers, lambda item: item.key)
        lock = Lock(modality=RNA, source="matrix", simulated=False, table=listing.table, items=items)
        return check_lock(lock, self.check_item)

    def check_item(self, item: Item) -> None:
        """A label is looked up in the table and names nothing else."""
        check_profile(item, RNA)

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
            raise ConfigError(f"modalities.rna.table: found {found}, expected your table of samples and genes")
        return self.table


_log = logging.getLogger(__name__)


@contextmanager
def open_source(chosen: RnaSettings, *, archive: str | None, table: str | None, serve: Serve) -> Iterator[Source]:
    """The source of gene expression; a simulated archive is served while the block runs."""
    if chosen.source == "matrix":
        path = table or chosen.table
        yield MatrixExpression(table=Path(path) if path else None, ignore=chosen.ignore)
        return
    with serve(archive, "", chosen.base_url, chosen) as service:
        if archive is None:  # a token is for the real archive's host, never for the simulated one
            service = dataclasses.replace(service, credential=gdc_credential(os.environ))
        yield GdcFiles(
            query=STAR_COUNTS,
            service=service,
            project=chosen.project,
            expected_files=chosen.expected_files,
            simulated=archive is not None,
        )


def summary(lock: Lock) -> list[str]:
    """How many profiles there are and how many are chosen, and the choices that a person should look at."""
    n_chosen = len(lock.chosen)
    lines = [f"{len(lock.items)} profiles, {n_chosen} chosen, release {lock.release or 'not stated'}"]
    if lock.source == "gdc" and not any(item.text(PRESERVATION) for item in lock.items):
        lines.append("no sample's preservation is stated: a formalin-fixed vial is not known as such")
    told = {
        "with a formalin-fixed (FFPE) profile alone": [one for one in lock.chosen if one.reason.endswith(ONLY_FIXED)],
        "with a formalin-fixed profile passed over": [one for one in lock.items if FIXED_LAST in one.reason],
        "with vial A taken before B, their preservation not stated": [
            one for one in lock.items if VIAL_A_FIRST in one.reason
        ],
        "without a choice, since nothing tells their profiles apart": [
            one for one in lock.items if one.reason.startswith(TIED)
        ],
    }
    for what, items in told.items():
        if patients := sorted({item.patient_id for item in items}):
            lines.append(f"{len(patients)} patients {what}: {', '.join(patients[:5])}{', …' * (len(patients) > 5)}")
    return lines


def _sample_labels(path: Path, ignore: tuple[str, ...]) -> list[str]:
    from mgi.modalities.rna.matrix import (
        read_labelled_matrix,  # a download needs no pandas, which takes a second to load
    )
    from mgi.modalities.rna.no_gene import few

    matrix = read_labelled_matrix(path, ignore)
    samples, genes = matrix.values.shape
    ignored = f"; columns not used: {', '.join(matrix.ignored)}" if matrix.ignored else ""
    dropped = "".join(
        f"; {len(names)} left out: {reason} ({few(names, 5)})" for reason, names in matrix.dropped.items()
    )
    named = f"{genes} genes by {matrix.gene_labels}"
    _log.info("%s: read as %s, %d samples, %s%s%s", path.name, matrix.layout, samples, named, ignored, dropped)
    for note in (matrix.scale, *matrix.notes):
        _log.info("%s: %s", path.name, note)
    return matrix.samples
