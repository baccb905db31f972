"""A user's list of genes: one id or name a line."""

from pathlib import Path

from mgi.core.errors import BadInputError


def read_gene_list(path: Path | str) -> list[str]:
    """Read the genes in the file's order; blank lines and lines that begin with # are passed over.

    Raises BadInputError where a gene is listed twice, a line holds more than one word, or nothing is listed.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    genes: dict[str, int] = {}
    for number, line in enumerate(lines, start=1):
        gene = line.strip()
        if not gene or gene.startswith("#"):
            continue
        if len(gene.split()) != 1:
            raise BadInputError(f"{path}: line {number}: found {gene[:60]!r}, expected one gene id or name")
        if gene in genes:
            raise BadInputError(
                f"{path}: line {number}: {gene} is also on line {genes[gene]}, expected every gene once"
            )
        genes[gene] = number
    if not genes:
        raise BadInputError(f"{path}: lists no gene")
    return list(genes)
