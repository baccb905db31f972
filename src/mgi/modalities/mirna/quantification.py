"""Strict reader of the GDC's microRNA quantification.

Format: the BCGSC pipeline's writer (`*.mirbase21.mirnas.quantification.txt`; GDC documentation, "miRNA Analysis
Pipeline"): a header, then a row a microRNA of miRBase 21; reads per million printed with six decimals.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.tables.archive_text import COUNT, NUMBER, TEXT, read_archive_text, require_same_labels

ID, READS, RPM, CROSS = "miRNA_ID", "read_count", "reads_per_million_miRNA_mapped", "cross-mapped"
COLUMNS = {ID: TEXT, READS: COUNT, RPM: NUMBER, CROSS: TEXT}
_NAME = r"^[A-Za-z][A-Za-z0-9.*_-]*$"
_ROUNDING = 0.5e-6  # the largest error of one value printed with six decimals


@dataclass(frozen=True, kw_only=True)
class Quantification:
    """One sample: reads, and reads per million of all that mapped to a microRNA, of each of them (F,)."""

    names: pa.ChunkedArray
    reads: NDArray[np.int64]
    rpm: NDArray[np.float64]


def read_quantification(path: Path | str, *, like: Quantification | None = None) -> Quantification:
    """Parse one file, refusing everything that its writer cannot have written.

    `like` is a file that was read before: names equal to its own have passed every check on them already.
    Raises BadInputError with the file, the line, what was found and what was expected.
    """
    read = read_archive_text(path, COLUMNS)
    names = read.table[ID]
    if like is not None and names.equals(like.names):
        names = like.names
    else:
        read.refuse_odd(ID, _NAME, "a name such as hsa-let-7a-1")
        read.refuse_repeated(ID)
    read.refuse_odd(CROSS, "^[YN]$", "Y or N")
    reads, rpm = read.table[READS].to_numpy(), read.numbers(RPM, low=0.0)
    for row in np.flatnonzero(reads < 0)[:1]:
        raise BadInputError(f"{read.line_of(row)}: {READS}: found {reads[row]}, expected 0 or more")
    for row in np.flatnonzero(np.isnan(rpm))[:1]:
        raise BadInputError(f"{read.line_of(row)}: {RPM}: found NA, expected a number")
    if not (most := int(reads.argmax())) and not reads[0]:
        raise BadInputError(f"{path}: {READS}: no read in {len(reads)} microRNAs, expected some")
    # One factor gives all rates of a file: a wrong digit in either column breaks it.
    expected = reads * (rpm[most] / reads[most])
    slack = _ROUNDING * (1 + reads / reads[most]) + 1e-9 * expected
    for row in np.flatnonzero(np.abs(rpm - expected) > slack)[:1]:
        said = f"found {rpm[row]} with {reads[row]} reads, expected {expected[row]:.6f}"
        raise BadInputError(f"{read.line_of(row)}: {RPM}: {said}, as the reads of {names[most]} have {rpm[most]}")
    return Quantification(names=names, reads=reads, rpm=rpm)


def require_same_names(reference: Quantification, found: Quantification, path: Path | str) -> None:
    """Refuse a file whose microRNAs are not those of the cohort's first file, in its order."""
    if found.names is not reference.names:
        require_same_labels(found.names, reference.names, "microRNA", path)
