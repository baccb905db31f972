"""Genes that the user names: a list of them, and gene sets (pathways) from a .gmt file, matched to a model's genes."""

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.modalities.rna.gene_labels import AMBIGUOUS, BY_OTHER_NAME, UNKNOWN, GeneIndex
from mgi.modalities.rna.no_gene import mangled

_log = logging.getLogger(__name__)
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
SHOWN = 60  # characters of a stranger's text in a message
Members = dict[str, list[int]]
"""Sets by name, in the file's order; the rows of each set's genes in the model's order, ascending."""


@dataclass(frozen=True, kw_only=True)
class GeneSets:
    """What a file's sets are to one list of genes: `members` of those that have any, names of the `dropped`.

    `n_outside` counts the genes of the list that are in no set; `ambiguous` are names that several genes bear. Of the
    `n_named` genes that the sets name, `unknown` are not in the list and `renamed` are there under their other name.
    """

    members: Members
    dropped: list[str]
    n_outside: int
    ambiguous: list[str] = field(default_factory=list)
    n_named: int = 0
    unknown: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)

    def summary(self) -> str:
        """Say in one line what is used, dropped or not found, what no token sees, and what is ambiguous or renamed."""
        parts = [f"{len(self.members)} gene sets", f"{self.n_outside} genes are in none"]
        if self.dropped:
            parts.append(f"{len(self.dropped)} dropped without a gene of the list: {_few(self.dropped)}")
        if self.unknown:
            parts.append(f"{len(self.unknown)} of {self.n_named} genes of the sets are not found: {_few(self.unknown)}")
            if dates := sum(mangled(self.unknown)):
                parts.append(f"{dates} of these look like dates or rounded numbers of a spreadsheet")
        if self.renamed:
            parts.append(f"{len(self.renamed)} found under their former or newer name: {_few(self.renamed)}")
        if self.ambiguous:
            parts.append(f"{len(self.ambiguous)} names of several genes, all of them taken: {_few(self.ambiguous)}")
        return "; ".join(parts)


def read_gene_list(path: Path | str) -> list[str]:
    """Read the genes in the file's order; blank lines and lines that begin with # are passed over.

    Raises BadInputError where a gene is listed twice, a line holds more than one word, or nothing is listed.
    """
    genes: dict[str, int] = {}
    for number, line in enumerate(_text_of(path, "a list of genes").splitlines(), start=1):
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


def read_gmt(path: Path | str) -> dict[str, list[str]]:
    """Read the genes of each set as written, in the file's order: a line is name, description, genes, between tabs.

    Empty lines and empty fields after the description are passed over; a gene that a set lists twice counts once.
    Raises BadInputError naming the line where a set has no name or no gene, or its name is taken.
    """
    sets: dict[str, list[str]] = {}
    lines: dict[str, int] = {}
    descriptions: list[str] = []
    for number, line in enumerate(_text_of(path, "a .gmt file of gene sets").split("\n"), start=1):
        if not line.strip():
            continue
        name, genes = _parse(line, f"{path}: line {number}")
        if name in sets:
            raise BadInputError(f"{path}: line {number}: set {_shown(name)} is also on line {lines[name]}")
        sets[name], lines[name] = genes, number
        descriptions.append(line.split("\t")[1].strip())
    if not sets:
        raise BadInputError(f"{path}: lists no gene set")
    members = {gene for genes in sets.values() for gene in genes}
    if odd := [text for text in descriptions if text in members]:
        told = f"{len(odd)} of {len(sets)} descriptions are genes of the sets, such as {_shown(odd[0])}"
        _log.warning("%s: %s: the second column is a description and no gene; is it missing in this file?", path, told)
    return sets


def match_sets(
    sets: dict[str, list[str]], gene_ids: Sequence[str], gene_names: Sequence[str | None], *, where: str
) -> GeneSets:
    """Return the row of each set's genes among `gene_ids` (see gene_labels).

    Raises BadInputError where no set has a gene of the list.
    """
    index = GeneIndex(gene_ids, gene_names)
    rows_of = {gene: index.find(gene)[1] for genes in sets.values() for gene in genes}
    found = {name: sorted({row for gene in genes for row in rows_of[gene]}) for name, genes in sets.items()}
    members = {name: own for name, own in found.items() if own}
    if not members:
        first = next(iter(sets.values()))[0]
        raise BadInputError(
            f"{where}: none of {len(sets)} gene sets has a gene of the model, such as {_shown(gene_ids[0])}; "
            f"found names such as {_shown(first)}, expected gene symbols or Ensembl ids"
        )
    inside = set().union(*members.values())
    return GeneSets(
        members=members,
        dropped=[name for name, own in found.items() if not own],
        n_outside=len(gene_ids) - len(inside),
        ambiguous=index.known(AMBIGUOUS, rows_of),
        n_named=len(rows_of),
        unknown=index.known(UNKNOWN, rows_of),
        renamed=index.known(BY_OTHER_NAME, rows_of),
    )


def _text_of(path: Path | str, expected: str) -> str:
    try:
        return Path(path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInputError(f"{path}: not UTF-8 text ({error.reason} at byte {error.start})") from None
    except OSError as error:
        raise BadInputError(f"{path}: {error.strerror}; expected {expected}") from None


def _parse(line: str, where: str) -> tuple[str, list[str]]:
    if CONTROL.search(line.rstrip("\r")):
        raise BadInputError(f"{where}: found a control character in {_shown(line)}, expected text between tabs")
    fields = [field.strip() for field in line.split("\t")]
    name, genes = fields[0], [field for field in fields[2:] if field]
    if not name or not genes:
        raise BadInputError(
            f"{where}: found {_shown(line)}, expected a set's name, a description and one gene or more, between tabs"
        )
    if broken := next((gene for gene in genes if len(gene.split()) > 1), None):
        raise BadInputError(f"{where}: found {_shown(broken)}, expected one gene between tabs")
    return name, list(dict.fromkeys(genes))


def _shown(text: str) -> str:
    return repr(text[:SHOWN])


def _few(names: list[str]) -> str:
    return ", ".join(_shown(name) for name in names[:5]) + (", …" if len(names) > 5 else "")
