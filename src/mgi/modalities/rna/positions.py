"""Where genes lie on the genome, from a table: the one made from the GENCODE GTF, or a user's own."""

import csv
import re
import zlib
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.core.gzips import LimitedGzip
from mgi.modalities.rna.gtf import GtfGene
from mgi.modalities.rna.star import PAR_Y

COLUMNS = ("gene_id", "chromosome", "start")


def read_positions(path: Path | str) -> pd.DataFrame:
    """A tab-separated table (gz allowed) with gene_id, chromosome (or seqnames) and start, 1-based; gene_name is kept.

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
    """Write the table that `read_positions` reads, with end and strand; how many genes it has."""
    count = 0
    with atomic_path(path) as part, part.open("w", encoding="utf-8", newline="") as text:
        writer = csv.writer(text, delimiter="\t", lineterminator="\n")
        writer.writerow(GtfGene._fields)
        for gene in genes:
            writer.writerow(gene)
            count += 1
    return count


def with_positions(genes: pd.DataFrame, positions: pd.DataFrame) -> tuple[pd.DataFrame, dict[str, int]]:
    """The genes with chromosome and start (null where unknown), rows in the same order, and how many were found how.

    A gene is looked up by its id, else by its id without the version, else by its name where the annotation has that
    name once. Raises BadInputError where none is found: the positions are of another annotation.
    """
    places: dict[str, tuple[str, int]] = {}
    found = {"by id": 0, "by id without version": 0, "by name": 0, "unknown": 0}
    rows = list(zip(positions["chromosome"], positions["start"].tolist(), strict=True))
    by_id = dict(zip(positions["gene_id"], rows, strict=True))
    ways = {
        "by id": (genes["gene_id"], by_id),
        "by id without version": (
            genes["gene_id"].map(_unversioned),
            {_unversioned(gene): by_id[gene] for gene in by_id},
        ),
        "by name": (genes["gene_name"], _by_unique_name(positions, rows)),
    }
    labels = list(zip(*(keys for keys, _ in ways.values()), strict=True))
    for gene, keys in zip(genes["gene_id"], labels, strict=True):
        tables = zip(ways, keys, (table for _, table in ways.values()), strict=True)
        way, place = next(((way, table[key]) for way, key, table in tables if key in table), ("unknown", None))
        found[way] += 1
        if place is not None:
            places[gene] = place
    if not places:
        raise BadInputError("positions: has none of the expression's genes, expected the same annotation")
    chromosomes = [places[gene][0] if gene in places else None for gene in genes["gene_id"]]
    starts = [places[gene][1] if gene in places else None for gene in genes["gene_id"]]
    return genes.assign(chromosome=pd.Series(chromosomes, dtype=object), start=pd.array(starts, dtype="Int64")), found


def without_positions(genes: pd.DataFrame) -> pd.DataFrame:
    """The genes with chromosome and start unknown."""
    return genes.assign(chromosome=None, start=pd.array([pd.NA] * len(genes), dtype="Int64"))


def _unversioned(gene_id: str) -> str:
    return re.sub(r"\.\d+", "", gene_id, count=1)


def _by_unique_name(positions: pd.DataFrame, rows: list[tuple[str, int]]) -> dict[str, tuple[str, int]]:
    """Names that one gene of the annotation bears; a copy on Y does not count beside its gene on X."""
    if "gene_name" not in positions:
        return {}
    named = [
        (name, row)
        for gene, name, row in zip(positions["gene_id"], positions["gene_name"], rows, strict=True)
        if not gene.endswith(PAR_Y)
    ]
    counts = Counter(name for name, _ in named)
    return {name: row for name, row in named if counts[name] == 1}
