"""Many STAR files on one gene index, a patient at a time."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.rna.filter import LOG_TPM
from mgi.modalities.rna.gene_labels import without_version
from mgi.modalities.rna.star import (
    StarTable,
    first_repeated,
    par_y_copies,
    read_star,
    refuse_reads_in,
    require_same_genes,
)

Stored = Literal["tpm", "fpkm", "fpkm_uq", "counts"]
SCALES: dict[Stored, str] = {
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
        copies = par_y_copies(self._first)
        self._kept = ~copies
        self._copies = copies
        labels = self._first.labels
        self.genes = pd.DataFrame(
            {
                "gene_id": labels.gene_ids[self._kept],
                "gene_name": labels.gene_names[self._kept],
                "gene_type": labels.gene_types[self._kept],
            }
        )
        if (repeated := first_repeated([without_version(gene) for gene in self.genes["gene_id"]])) is not None:
            raise BadInputError(f"{first}: gene {repeated}: present in two versions, expected one")
        self.gene_model = self._first.gene_model
        self.n_par_y_dropped = int(copies.sum())
        self.n_repeated_names = int(self.genes["gene_name"].duplicated().sum())

    def read(self, path: Path, stored: Stored) -> Profile:
        """Read one file's values.

        Raises BadInputError where it is not in the format, has another gene index, or reads in a copy on Y.
        """
        table = read_star(path, like=self._first)
        require_same_genes(self._first, table, str(path))
        refuse_reads_in(self._copies, table, str(path))
        if table.counts.max() > _LARGEST_COUNT:
            gene = table.gene_ids[int(table.counts.argmax())]
            raise BadInputError(f"{path}: unstranded of {gene}: found {table.counts.max()}, expected fewer than 2**32")
        chosen = column_of(table, stored)[self._kept]
        return Profile(
            values=np.log2(chosen + 1.0).astype(np.float32), counts=table.counts[self._kept].astype(np.uint32)
        )


def column_of(table: StarTable, stored: Stored) -> NDArray[np.float64]:
    """Return one of a file's four columns of numbers, before any logarithm."""
    columns = {"tpm": table.tpm, "fpkm": table.fpkm, "fpkm_uq": table.fpkm_uq, "counts": table.counts}
    return columns[stored].astype(np.float64)
