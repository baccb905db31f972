"""Many STAR files as one matrix on one gene index."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.expression.star import (
    StarTable,
    log_tpm,
    par_y_copies,
    read_star,
    refuse_reads_in,
    require_same_genes,
    without_par_y,
)


@dataclass(frozen=True, kw_only=True)
class StarCohort:
    """log2(TPM+1) of all patients (n, G) float32, in the order given.

    `genes` has gene_id (versioned), gene_name, gene_type in the files' order, without the `n_par_y_dropped`
    pseudo-autosomal copies on Y.
    """

    values: NDArray[np.float32]
    genes: pd.DataFrame
    gene_model: str
    n_par_y_dropped: int


def read_star_cohort(paths: Iterable[Path]) -> StarCohort:
    """Read one file per patient, one in memory at a time.

    Raises BadInputError where a file is not in the format or has another gene index than the first.
    """
    first: StarTable | None = None
    copies = np.zeros(0, bool)
    rows: list[NDArray[np.float32]] = []
    for path in paths:
        table = read_star(path)
        if first is None:
            first, copies = table, par_y_copies(table)
        require_same_genes(first, table, str(path))
        refuse_reads_in(copies, table, str(path))
        rows.append(log_tpm(table)[~copies])
    if first is None:
        raise BadInputError("expression: no files, expected one per patient")
    kept = without_par_y(first)
    genes = pd.DataFrame({"gene_id": kept.gene_ids, "gene_name": kept.gene_names, "gene_type": kept.gene_types})
    return StarCohort(
        values=np.stack(rows),
        genes=genes,
        gene_model=first.gene_model,
        n_par_y_dropped=len(first.gene_ids) - len(kept.gene_ids),
    )
