"""Where genes lie on the genome, from a table of the user's (for instance one made from the GENCODE GTF)."""

import zlib
from pathlib import Path

import numpy as np
import pandas as pd

from mgi.core.errors import BadInputError

COLUMNS = ("gene_id", "chromosome", "start")


def read_positions(path: Path | str) -> pd.DataFrame:
    """A tab-separated table (gz allowed) with gene_id, chromosome (or seqnames) and start, 1-based.

    Raises BadInputError where a column is missing, a gene repeats or a start is not a positive integer.
    """
    try:
        table = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False)
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
    return table[list(COLUMNS)].astype({"start": np.int64})


def with_positions(genes: pd.DataFrame, positions: pd.DataFrame | None) -> pd.DataFrame:
    """The genes table in the shard's columns, chromosome and start null where unknown, rows in the same order.

    Raises BadInputError where the table of positions knows none of the genes: it is of another annotation.
    """
    columns = {"gene_index": np.arange(len(genes), dtype=np.int32)}
    known = genes.assign(**columns)
    if positions is None:
        return known.assign(chromosome=None, start=pd.array([pd.NA] * len(genes), dtype="Int64"))
    placed = known.merge(positions, on="gene_id", how="left", validate="one_to_one")
    if placed["start"].isna().all():
        raise BadInputError("positions: has none of the expression's gene ids, expected the same annotation")
    return placed.astype({"start": "Int64"})
