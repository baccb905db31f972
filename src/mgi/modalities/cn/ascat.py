"""Strict reader of the GDC's gene-level copy number.

Format: GDC documentation, "Copy Number Variation Analysis Pipeline" (`*.gene_level_copy_number.v36.tsv`): a header,
then a row a gene of GENCODE v36; copies are whole numbers, and nothing where no segment of the genome was measured.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.tables.archive_text import COUNT, NUMBER, TEXT, ArchiveText, read_archive_text, require_same_labels

LABELS = {"gene_id": TEXT, "gene_name": TEXT, "chromosome": TEXT, "start": COUNT, "end": COUNT}
COPIES, FEWEST, MOST = "copy_number", "min_copy_number", "max_copy_number"
COLUMNS = {**LABELS, COPIES: NUMBER, FEWEST: NUMBER, MOST: NUMBER}
_GENE_ID, _CHROMOSOME, _NAME = r'^[A-Za-z][^\s#"]*$', r"^chr[0-9A-Za-z_.]+$", r"^\S+$"


@dataclass(frozen=True, kw_only=True)
class CopyNumbers:
    """One tumour: the columns that say which genes there are, and the copies of each (G,), NaN where not measured."""

    labels: pa.Table
    copies: NDArray[np.float32]


def read_copy_numbers(path: Path | str, *, like: CopyNumbers | None = None) -> CopyNumbers:
    """Parse one file, refusing everything that its writer cannot have written.

    `like` is a file that was read before: labels equal to its own have passed every check on them already.
    Raises BadInputError with the file, the line, what was found and what was expected.
    """
    read = read_archive_text(path, COLUMNS, missing="")
    labels = read.table.select(list(LABELS))
    if like is not None and labels.equals(like.labels):
        labels = like.labels
    else:
        _check_labels(read)
    numbers = {name: read.numbers(name, low=0.0) for name in (COPIES, FEWEST, MOST)}
    _check_copies(read, numbers)
    return CopyNumbers(labels=labels, copies=numbers[COPIES].astype(np.float32))


def require_same_genes(reference: CopyNumbers, found: CopyNumbers, path: Path | str) -> None:
    """Refuse a file whose genes are not those of the cohort's first file, in its order and at its places."""
    if found.labels is not reference.labels:
        for name in LABELS:
            require_same_labels(found.labels[name], reference.labels[name], f"{name} of gene", path)


def _check_labels(read: ArchiveText) -> None:
    read.refuse_odd("gene_id", _GENE_ID, "an id such as ENSG00000141510.18")
    read.refuse_odd("gene_name", _NAME, "a name")
    read.refuse_odd("chromosome", _CHROMOSOME, "a name such as chr1")
    read.refuse_repeated("gene_id")
    start, end = (read.table[name].to_numpy() for name in ("start", "end"))
    for row in np.flatnonzero((start < 1) | (end < start))[:1]:
        said = f"found start {start[row]} and end {end[row]}, expected 1 <= start <= end"
        raise BadInputError(f"{read.line_of(row)}: {said}")


def _check_copies(read: ArchiveText, numbers: dict[str, NDArray[np.float64]]) -> None:
    copies, fewest, most = numbers[COPIES], numbers[FEWEST], numbers[MOST]
    measured = ~np.isnan(copies)
    if not measured.any():
        raise BadInputError(f"{read.path}: {COPIES}: no value in any of {len(copies)} genes, expected some")
    for name, values in numbers.items():
        for row in np.flatnonzero(measured != ~np.isnan(values))[:1]:
            found = "nothing" if np.isnan(values[row]) else f"{values[row]:g}"
            expected = "a number" if measured[row] else "nothing"
            raise BadInputError(f"{read.line_of(row)}: {name}: found {found}, expected {expected} as in {COPIES}")
        for row in np.flatnonzero(measured & (values != np.floor(values)))[:1]:
            raise BadInputError(f"{read.line_of(row)}: {name}: found {values[row]:g}, expected a whole number")
    for row in np.flatnonzero(measured & ~((fewest <= copies) & (copies <= most)))[:1]:
        said = f"found {copies[row]:g}, expected {fewest[row]:g} to {most[row]:g} as its bounds say"
        raise BadInputError(f"{read.line_of(row)}: {COPIES}: {said}")
