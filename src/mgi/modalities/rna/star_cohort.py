"""Many STAR files on one gene index, a patient at a time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.rna.filter import LOG_TPM
from mgi.modalities.rna.gene_labels import first_repeated, is_copy_on_y, without_version
from mgi.modalities.rna.star import (
    StarTable,
    read_star,
    require_same_genes,
)

Stored = Literal["tpm", "fpkm", "fpkm_uq", "counts"]
UNITS: dict[Stored, str] = {
    "tpm": LOG_TPM,
    "fpkm": "log2(FPKM+1)",
    "fpkm_uq": "log2(FPKM-UQ+1)",
    "counts": "log2(count+1)",
}
_LARGEST_COUNT = np.iinfo(np.uint32).max


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One patient on the cohort's genes (G,): log2(x + 1) of the chosen column, and unstranded counts."""

    values: NDArray[np.float32]
    counts: NDArray[np.uint32]


class StarCohort:
    """The gene index of the first file, which every other file must have.

    `genes` has gene_id (versioned), gene_name, gene_type in the files' order, without the `n_par_y_dropped`
    pseudo-autosomal copies on Y. Names repeat (`n_repeated_names` rows bear one that was there before) and stay: genes
    are told apart by id.
    """

    def __init__(self, first: Path) -> None:
        """Raise BadInputError where the file is not in the format, or two of its ids differ by version only."""
        self._first = read_star(first)
        self._copies = np.array([is_copy_on_y(gene) for gene in self._first.gene_ids], bool)
        self.genes = self._first.genes[~self._copies].reset_index(drop=True)
        if (repeated := first_repeated([without_version(gene) for gene in self.genes["gene_id"]])) is not None:
            raise BadInputError(f"{first}: gene {repeated}: present in two versions, expected one")
        self.gene_model = self._first.gene_model
        self.n_par_y_dropped = int(self._copies.sum())
        self.n_repeated_names = int(self.genes["gene_name"].duplicated().sum())

    def read(self, path: Path, stored: Stored) -> Profile:
        """Read one file's values.

        Raises BadInputError where it is not in the format, has another gene index, or reads in a copy on Y.
        """
        table = read_star(path, like=self._first)
        require_same_genes(self._first, table, str(path))
        if len(odd := np.flatnonzero(self._copies & (table.counts > 0))):
            # dropping a copy would lose its reads
            raise BadInputError(f"{path}: gene {table.gene_ids[odd[0]]}: has reads, expected a copy without any")
        if table.counts.max() > _LARGEST_COUNT:
            gene = table.gene_ids[int(table.counts.argmax())]
            raise BadInputError(f"{path}: unstranded of {gene}: found {table.counts.max()}, expected fewer than 2**32")
        chosen = column_of(table, stored)[~self._copies]
        counts = table.counts[~self._copies].astype(np.uint32)
        return Profile(values=np.log2(chosen + 1.0).astype(np.float32), counts=counts)


def column_of(table: StarTable, stored: Stored) -> NDArray[np.float64]:
    """Return one of a file's four columns of numbers, before any logarithm."""
    return table.numbers["unstranded" if stored == "counts" else f"{stored}_unstranded"].astype(np.float64)
