"""How a table of expression lies: which of its columns are samples, and which name, type or place the genes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import pandas as pd

from mgi.core.errors import BadInputError
from mgi.core.gene_ids import is_ensembl
from mgi.core.ids import barcode_of
from mgi.tables.sample_labels import SAMPLE_COLUMNS
from mgi.tables.table_parts import TableFile

Layout = Literal["genes x samples", "samples x genes"]
# Names, in lower case, under which tables keep symbols and types beside another identifier.
NAME_COLUMNS = ("gene_name", "hugo_symbol", "gene_symbol", "symbol", "gene")
GENE_COLUMNS = ("gene_id", "ensembl_id", *NAME_COLUMNS)
"""Names of the first column that say that genes are in rows, where no sample is named by a barcode."""
TYPE_COLUMNS = ("gene_type", "gene_biotype", "biotype")
PLACE_COLUMNS = (
    "entrez_gene_id", "entrez_id", "entrezid", "description", "chr", "chromosome", "seqnames", "start", "end", "strand",
    "length", "gene_length", "effective_length", "width",
)  # fmt: skip
"""What else tables have beside own ids of samples: featureCounts' columns, and a gene's other names."""
BESIDE_SAMPLES = (*GENE_COLUMNS, *TYPE_COLUMNS, *PLACE_COLUMNS)
"""What columns are called that are no samples, where genes are in rows."""


def are_samples(names: Sequence[str]) -> list[bool]:
    """Which columns are samples: those named by barcodes, else all but what describes genes where genes are rows."""
    samples = [barcode_of(name) is not None for name in names]
    if any(samples) or not names or names[0].strip().lower() not in GENE_COLUMNS:
        return samples
    return [name.strip().lower() not in BESIDE_SAMPLES for name in names]


def says_which_way(names: Sequence[str]) -> Layout | None:
    """Which way round a table lies by the names of its columns alone; None where they do not say it."""
    if any(are_samples(names)):
        return "genes x samples"
    return "samples x genes" if names[0].strip().lower() in SAMPLE_COLUMNS else None


def annotations(table: TableFile, samples: Sequence[int], path: Path) -> tuple[pd.DataFrame, tuple[str, ...]]:
    """Return gene id, name and type from the columns beside the samples, and the names of those not used."""
    texts = {column: table.texts(column) for column in range(len(table.names)) if column not in set(samples)}
    if not texts:
        raise BadInputError(f"{path}: no column beside the samples, expected one of gene names")
    by_name = {table.names[column].strip().lower(): column for column in reversed(texts)}
    named = next((by_name[name] for name in NAME_COLUMNS if name in by_name), None)
    typed = next((by_name[name] for name in TYPE_COLUMNS if name in by_name), None)
    ensembl = next((column for column, labels in texts.items() if mostly_ensembl(labels)), None)
    chosen = next(column for column in (ensembl, named, next(iter(texts))) if column is not None)
    ids = texts[chosen]
    genes = pd.DataFrame(
        {
            "gene_id": ids,
            "gene_name": ids if named is None else texts[named],
            "gene_type": None if typed is None else texts[typed],
        }
    )
    return genes, tuple(table.names[column] for column in texts if column not in (chosen, named, typed))


def mostly_ensembl(labels: Sequence[str]) -> bool:
    """Whether more than half of the labels are Ensembl ids of genes."""
    return sum(map(is_ensembl, labels)) > len(labels) / 2
