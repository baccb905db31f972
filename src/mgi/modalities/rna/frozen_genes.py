"""Values of other patients on the gene index that a model was fitted on: which of its genes are where, or lacking."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.modalities.rna.gene_labels import BY_OTHER_NAME, GeneIndex
from mgi.modalities.rna.normalise import FittedGenes


def on_frozen_genes(
    fitted: FittedGenes, labels: Sequence[str], values: NDArray[Any], names: Sequence[str | None] = ()
) -> tuple[NDArray[np.float32], list[str]]:
    """Values (n, G) on the gene index that was fitted of `values` (n, L), and which of the model's genes lack any.

    Those have the training mean. `find_genes` says which of the `labels` is which gene.
    """
    columns = [
        None if column is None or np.isnan(values[:, column]).any() else column
        for column in find_genes(fitted, labels, names)
    ]
    return placed(fitted, columns, values), lacking(fitted, columns)


def placed(fitted: FittedGenes, columns: Sequence[int | None], values: NDArray[Any]) -> NDArray[np.float32]:
    """Values (n, G) on the gene index that was fitted, from `values` (n, L) whose `columns` are those of `find_genes`.

    A gene without a column has the training mean.
    """
    aligned = np.tile(fitted.table["mean"].to_numpy(np.float32), (len(values), 1))
    known = [(own, theirs) for own, theirs in zip(fitted.columns, columns, strict=True) if theirs is not None]
    own, theirs = np.array(known, np.int64).reshape(-1, 2).T
    aligned[:, own] = values[:, theirs]
    return aligned


def lacking(fitted: FittedGenes, columns: Sequence[int | None]) -> list[str]:
    """Return which of the model's genes have no column (see find_genes)."""
    return [gene for gene, column in zip(fitted.gene_ids, columns, strict=True) if column is None]


def find_genes(fitted: FittedGenes, labels: Sequence[str], names: Sequence[str | None] = ()) -> list[int | None]:
    """Return where each of the model's genes stands among `labels`, None where it does not (see gene_labels).

    A gene is looked up by its id, else by its name if no other gene of the fit bears it. `names` are of the same
    length as `labels`, or none.
    """
    file, own_name = GeneIndex(labels, names), names_borne_once(fitted)
    return [file.find_one(gene, own_name.get(gene))[1] for gene in fitted.gene_ids]


def by_other_name(fitted: FittedGenes, labels: Sequence[str], names: Sequence[str | None] = ()) -> list[str]:
    """Return which of the model's genes `find_genes` finds under their former or newer name."""
    file, own_name = GeneIndex(labels, names), names_borne_once(fitted)
    return [gene for gene in fitted.gene_ids if file.find_one(gene, own_name.get(gene))[0] == BY_OTHER_NAME]


def names_borne_once(fitted: FittedGenes) -> dict[str, str]:
    """Return the names by gene id, of genes whose name means no other gene of the fit."""
    ids, names = fitted.table["gene_id"].tolist(), fitted.table["gene_name"].tolist()
    index = GeneIndex(ids, names)
    return {gene: names[row] for row, gene in enumerate(ids) if list(index.find(names[row])[1]) == [row]}
