"""A user's own mutations: a MAF of many tumours, or a table of samples and genes with 0 and 1."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mgi.core.errors import BadInputError
from mgi.core.gzips import unpacked
from mgi.modalities.mutation.maf import BARCODE, CHANGES_PROTEIN, CLASS, OTHER_CLASSES, SYMBOL, read_maf
from mgi.modalities.mutation.tumour import Tumour, tumours_of
from mgi.tables.feature_matrix import read_feature_matrix

MOST_HEAD = 1 << 20
MAF, MATRIX = "a MAF", "a table of 0 and 1"


@dataclass(frozen=True, kw_only=True)
class OwnFile:
    """Tumours by the label of the sample; `all_genes` says that a gene that is not listed was looked at.

    `genes` are those of a table, mutated in somebody or not; `unknown` has for a label those that it leaves empty.
    """

    layout: str
    tumours: Mapping[str, Tumour]
    all_genes: bool
    unknown: Mapping[str, frozenset[str]] = field(default_factory=dict)
    genes: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def read_own_file(path: Path) -> OwnFile:
    """Read a user's file as what its first lines say it is.

    Raises BadInputError where it is neither, or has a number that is not 0 or 1.
    """
    return _of_maf(path) if _is_maf(path) else _of_matrix(path)


def _is_maf(path: Path) -> bool:
    with path.open("rb") as file:
        start = file.read(MOST_HEAD)
    if start.startswith(b"\x1f\x8b"):
        start = unpacked(path, MOST_HEAD)
    header = next((line for line in start.split(b"\n") if not line.startswith(b"#")), b"")
    return {SYMBOL.encode(), BARCODE.encode()} <= set(header.rstrip(b"\r").split(b"\t"))


def _of_maf(path: Path) -> OwnFile:
    read = read_maf(path, strict=False)
    if not len(read.table):
        raise BadInputError(f"{path}: no variant after the header, so that it names no tumour; expected some")
    odd = sorted(set(read.table[CLASS].to_pylist()) - {*CHANGES_PROTEIN, *OTHER_CLASSES})
    notes = [f"classes of variants that are not the format's change no protein: {', '.join(odd)}"] if odd else []
    notes += [f"no column {name}" for name in read.lacking]
    notes.append("who has no variant in it is not known to have been sequenced, and counts as without the data")
    return OwnFile(layout=MAF, tumours=tumours_of(read), all_genes=True, notes=tuple(notes))


def _of_matrix(path: Path) -> OwnFile:
    matrix = read_feature_matrix(path)
    values = matrix.values
    if len(odd := np.argwhere(~np.isnan(values) & (values != 0) & (values != 1))):
        row, column = odd[0].tolist()
        place = f"sample {matrix.samples[row]}, {matrix.features[column]}"
        raise BadInputError(f"{path}: {place}: found {values[row, column]:g}, expected 0 or 1")
    names = np.array(matrix.features, object)
    tumours = {
        sample: Tumour(genes={gene: gene for gene in names[row == 1]}, hotspots=None, burden=None)
        for sample, row in zip(matrix.samples, values, strict=True)
    }
    unknown = {
        sample: frozenset(names[np.isnan(row)])
        for sample, row in zip(matrix.samples, values, strict=True)
        if np.isnan(row).any()
    }
    return OwnFile(layout=MATRIX, tumours=tumours, all_genes=False, unknown=unknown, genes=tuple(matrix.features))
