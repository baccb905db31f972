"""Strict reader of the GDC's protein expression of a reverse phase protein array.

Format: `*_RPPA_data.tsv` (GDC documentation, "RPPA"; measured at MD Anderson): a header, then a row an antibody; NA
where its spot was not usable. Older panels have fewer antibodies, so that files of one project differ in length.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.tables.archive_text import MISSING, NUMBER, TEXT, read_archive_text

AGID, TARGET, VALUE = "AGID", "peptide_target", "protein_expression"
COLUMNS = {AGID: TEXT, "lab_id": TEXT, "catalog_number": TEXT, "set_id": TEXT, TARGET: TEXT, VALUE: NUMBER}
_NAME = r"^\S(.*\S)?$"


@dataclass(frozen=True, kw_only=True)
class Antibodies:
    """One sample: what each antibody binds, its id, and its level relative to other samples, NaN where missing (F,)."""

    targets: list[str]
    agids: list[str]
    values: NDArray[np.float32]


def read_antibodies(path: Path | str) -> Antibodies:
    """Parse one file, refusing everything that its writer cannot have written.

    Raises BadInputError with the file, the line, what was found and what was expected.
    """
    read = read_archive_text(path, COLUMNS)
    for name in (AGID, TARGET):
        read.refuse_odd(name, _NAME, "a name")
        read.refuse_repeated(name)
    values = read.numbers(VALUE).astype(np.float32)
    if np.isnan(values).all():
        raise BadInputError(f"{path}: {VALUE}: all {len(values)} are {MISSING}, expected a measured value")
    return Antibodies(targets=read.table[TARGET].to_pylist(), agids=read.table[AGID].to_pylist(), values=values)


@dataclass(frozen=True, kw_only=True)
class Panel:
    """The antibodies of several samples together: targets in order of their first file, an id each.

    `renamed` are the targets that files have under several ids, as a later lot of the same antibody has.
    """

    targets: list[str]
    agids: list[str]
    renamed: list[str]

    def aligned(self, sample: Antibodies) -> NDArray[np.float32]:
        """The values of a sample at the panel's antibodies (F,), NaN where its own panel lacks one."""
        own = dict(zip(sample.targets, sample.values, strict=True))
        return np.array([own.get(target, np.nan) for target in self.targets], np.float32)


def panel_of(samples: Sequence[Antibodies]) -> Panel:
    """The union of the panels of several samples, aligned by what their antibodies bind."""
    ids: dict[str, str] = {}
    renamed: dict[str, None] = {}
    for sample in samples:
        for target, agid in zip(sample.targets, sample.agids, strict=True):
            if ids.setdefault(target, agid) != agid:
                renamed[target] = None
    return Panel(targets=list(ids), agids=list(ids.values()), renamed=list(renamed))
