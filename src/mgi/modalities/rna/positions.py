"""Where genes lie on the genome, from a table: the one made from the GENCODE GTF, or a user's own."""

import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.core.gzips import LimitedGzip
from mgi.modalities.rna.gene_labels import AMBIGUOUS, BY_BARE_ID, BY_ID, BY_NAME, UNKNOWN, GeneIndex
from mgi.modalities.rna.gtf import GtfGene

COLUMNS = ("gene_id", "chromosome", "start")


def read_positions(path: Path | str) -> pd.DataFrame:
    """Read a tab-separated table (gz allowed) of gene_id, chromosome (or seqnames), start (1-based), maybe gene_name.

    Raises BadInputError where a column is missing, a gene repeats or a start is not a positive integer.
    """
    try:
        with LimitedGzip(path) if Path(path).suffix == ".gz" else Path(path).open("rb") as source:
            table = pd.read_csv(source, sep="\t", dtype=str, keep_default_na=False)
    except (ValueError, EOFError, OSError, zlib.error) as error:
        if isinstance(error, FileNotFoundError):
            raise
        raise BadInputError(f"{path}: not a tab-separated table ({' '.join(str(error).split())[:120]})") from None
    table = table.rename(columns={"seqnames": "chromosome"})
    if missing := [name for name in COLUMNS if name not in table.columns]:
        raise BadInputError(f"{path}: column {missing[0]}: missing, expected {', '.join(COLUMNS)}")
    if (repeated := table["gene_id"].duplicated()).any():
        raise BadInputError(f"{path}: gene_id {table['gene_id'][repeated].iloc[0]}: found twice, expected unique ids")
    odd = ~table["start"].str.fullmatch(r"[1-9][0-9]{0,9}")
    if odd.any():
        raise BadInputError(f"{path}: start {table['start'][odd].iloc[0]!r}, expected a positive integer")
    return table[[name for name in (*COLUMNS, "gene_name") if name in table.columns]].astype({"start": np.int64})


def write_positions(path: Path | str, genes: Iterable[GtfGene]) -> int:
    """Write the table that `read_positions` reads, with end and strand; return how many genes it has."""
    table = pd.DataFrame(genes, columns=list(GtfGene._fields))
    with atomic_path(path) as part:
        table.to_csv(part, sep="\t", index=False, lineterminator="\n")
    return len(table)


def with_positions(genes: pd.DataFrame, positions: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """Return the genes with chromosome and start (null where unknown), rows in the same order, and how many were found
    how.

    A gene is looked up by its id, else by its name (see gene_labels). Raises BadInputError where none is found: the
    positions are of another annotation.
    """
    names = positions["gene_name"].tolist() if "gene_name" in positions else ()
    index = GeneIndex(positions["gene_id"].tolist(), names)
    found = [index.find_one(*gene) for gene in zip(genes["gene_id"], genes["gene_name"], strict=True)]
    rows = [row for _, row in found]
    if not any(row is not None for row in rows):
        raise BadInputError("positions: has none of the expression's genes, expected the same annotation")
    chromosome, start = positions["chromosome"].tolist(), positions["start"].tolist()
    placed = genes.assign(
        chromosome=pd.Series([None if row is None else chromosome[row] for row in rows], dtype=object),
        start=pd.array([None if row is None else start[row] for row in rows], dtype="Int64"),
    )
    counts = Counter(way for way, _ in found)
    return placed, {way: counts[way] for way in (BY_ID, BY_BARE_ID, BY_NAME, AMBIGUOUS, UNKNOWN)}


def without_positions(genes: pd.DataFrame) -> pd.DataFrame:
    """Return the genes with chromosome and start unknown."""
    return genes.assign(chromosome=None, start=pd.array([pd.NA] * len(genes), dtype="Int64"))
