"""Strict reader of the GDC's beta values of a methylation array.

Format: what SeSAMe's level 3 writer of the GDC gives (`*.methylation_array.sesame.level3betas.txt`; GDC documentation,
"Methylation Array Pipeline"): no header, a probe and its beta value a line, NA where it was masked.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.text import printable
from mgi.tables.archive_text import MISSING, NUMBER, TEXT, read_archive_text, require_same_labels

COLUMNS = {"probe": TEXT, "beta": NUMBER}
_PROBE = r"^[A-Za-z][A-Za-z0-9._-]*$"
_WORD = re.compile(rb"\t[A-Za-z_ ]{4,}")
_START_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Betas:
    """One sample: the share of methylated copies at each probe, from 0 to 1, NaN where it was masked (F,)."""

    probes: pa.ChunkedArray
    values: NDArray[np.float32]


def read_betas(path: Path | str, *, like: Betas | None = None) -> Betas:
    """Parse one file of beta values, refusing everything that its writer cannot have written.

    `like` is a file that was read before: probes equal to its own have passed every check on them already.
    Raises BadInputError with the file, the line or the probe, what was found and what was expected.
    """
    _refuse_header(path)
    read = read_archive_text(path, COLUMNS, header=False)
    probes = read.table["probe"]
    if like is not None and probes.equals(like.probes):
        probes = like.probes
    else:
        read.refuse_odd("probe", _PROBE, "a name of letters, digits, points and dashes")
        read.refuse_repeated("probe")
    values = read.numbers("beta", low=0.0, high=1.0).astype(np.float32)
    if np.isnan(values).all():
        raise BadInputError(f"{path}: beta: all {len(values)} are {MISSING}, expected a measured value")
    return Betas(probes=probes, values=values)


def require_same_probes(reference: Betas, found: Betas, path: Path | str) -> None:
    """Refuse a file of another array, whose probes are not those of the cohort's first file."""
    if found.probes is not reference.probes:
        require_same_labels(found.probes, reference.probes, "probe", path)


def _refuse_header(path: Path | str) -> None:
    """Name a header, which other versions of these files have, before line 1 is taken for an odd number."""
    with Path(path).open("rb") as source:
        line = source.read(_START_BYTES).split(b"\n")[0]
    if _WORD.search(line) is not None:
        found = printable(line.decode("utf-8", "replace").replace("\t", " "), 60)
        raise BadInputError(f"{path}: line 1: found {found!r}, expected a probe and its beta value: no header")
