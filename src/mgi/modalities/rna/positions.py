"""Where genes lie on the genome, from a table: a user's own, or the one made here from a GENCODE annotation.

The annotation (GTF 2.2, plain or gzipped) is read strictly and as a stream: nine tab-separated columns, 1-based closed
intervals, attributes `key "value";`.
"""

import gzip
import re
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from mgi.core.errors import BadInputError
from mgi.core.gzips import LimitedGzip
from mgi.core.sidecar import digested_path
from mgi.modalities.rna.gene_labels import AMBIGUOUS, BY_BARE_ID, BY_ID, BY_NAME, BY_OTHER_NAME, UNKNOWN, GeneIndex

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
    ways = (BY_ID, BY_BARE_ID, BY_NAME, *([BY_OTHER_NAME] if counts[BY_OTHER_NAME] else []), AMBIGUOUS, UNKNOWN)
    return placed, {way: counts[way] for way in ways}


MAX_LINE = 1 << 16  # the longest of v36 is below 3,000 bytes
_COLUMNS = 9
_PLACE = re.compile(rb"[1-9][0-9]{0,9}")
_CHROMOSOME = re.compile(rb"[A-Za-z0-9_.]{1,64}")
_ATTRIBUTE = re.compile(rb'(gene_id|gene_name) "([^"\s]+)"(?:;|$)')


class GtfGene(NamedTuple):
    """One gene; 1-based, both ends included, whichever the strand."""

    gene_id: str
    gene_name: str
    chromosome: str
    start: int
    end: int
    strand: str


def read_gtf_genes(path: Path | str) -> Iterator[GtfGene]:
    """Yield the genes in the file's order.

    Raises BadInputError naming the line for anything that is not GTF, a gene that occurs twice, a damaged file, and
    at the end where there was no gene.
    """
    seen: set[str] = set()
    for number, line in enumerate(_lines(Path(path)), start=1):
        if line.startswith(b"#"):
            continue
        if (n_columns := line.count(b"\t") + 1) != _COLUMNS:
            raise BadInputError(f"{path}: line {number}: {n_columns} columns, expected {_COLUMNS}")
        if line.split(b"\t", 3)[2] != b"gene":
            continue
        gene = _gene(line, f"{path}: line {number}")
        if gene.gene_id in seen:
            raise BadInputError(f"{path}: line {number}: gene_id {gene.gene_id}: found twice, expected unique ids")
        seen.add(gene.gene_id)
        yield gene
    if not seen:
        raise BadInputError(f"{path}: no row of feature 'gene', expected a GENCODE annotation")


def _lines(path: Path) -> Iterator[bytes]:
    """Yield whole lines with their newline."""
    number = 0
    try:
        with LimitedGzip(path) if path.suffix == ".gz" else path.open("rb") as source:
            while line := source.readline(MAX_LINE):
                number += 1
                if not line.endswith(b"\n"):
                    raise BadInputError(f"{path}: line {number}: cut, or longer than {MAX_LINE} bytes")
                yield line
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise BadInputError(f"{path}: after line {number}: damaged gzip ({error})") from None


def _gene(line: bytes, where: str) -> GtfGene:
    chromosome, _, _, start, end, _, strand, _, attributes = line.rstrip(b"\n").split(b"\t")
    if not _CHROMOSOME.fullmatch(chromosome):
        raise BadInputError(f"{where}: chromosome {chromosome[:40]!r}, expected a name")
    if not (_PLACE.fullmatch(start) and _PLACE.fullmatch(end)) or int(start) > int(end):
        raise BadInputError(
            f"{where}: from {start[:20]!r} to {end[:20]!r}, expected positive integers in ascending order"
        )
    if strand not in (b"+", b"-"):
        raise BadInputError(f"{where}: strand {strand[:20]!r}, expected + or -")
    named = _ATTRIBUTE.findall(attributes)
    if [key for key, _ in named] != [b"gene_id", b"gene_name"]:
        raise BadInputError(f"{where}: attributes {attributes[:80]!r}, expected one gene_id, then one gene_name")
    try:
        gene_id, gene_name = (value.decode("ascii") for _, value in named)
    except UnicodeDecodeError:
        raise BadInputError(f"{where}: gene_id or gene_name is not ASCII") from None
    return GtfGene(gene_id, gene_name, chromosome.decode(), int(start), int(end), strand.decode())


def write_positions(path: Path | str, genes: Iterable[GtfGene], gtf: Path | str | None = None) -> int:
    """Write the table that `read_positions` reads, with end and strand; return how many genes it has."""
    table = pd.DataFrame(genes, columns=list(GtfGene._fields))
    with digested_path(path, [] if gtf is None else [gtf]) as part:
        table.to_csv(part, sep="\t", index=False, lineterminator="\n")
    return len(table)
