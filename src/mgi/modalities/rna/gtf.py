"""Gene rows of a GENCODE annotation (GTF, plain or gzipped), read strictly and as a stream.

Format: GTF 2.2 as GENCODE writes it: nine tab-separated columns, 1-based closed intervals, attributes `key "value";`.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from mgi.core.errors import BadInputError
from mgi.core.gzips import LimitedGzip

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
