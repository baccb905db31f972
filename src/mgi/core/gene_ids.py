"""What an Ensembl id says, and where a gene stands among others on the genome."""

import re

PAR_Y = "_PAR_Y"
_ENSEMBL = re.compile(r"(ENS[A-Z]*GR?\d+)(?:\.\d+)?(_PAR_Y)?")

Place = tuple[tuple[int, int, str], float]
UNPLACED: Place = ((2, 0, ""), 0.0)


def is_ensembl(label: str) -> bool:
    """Return whether a label is the Ensembl id of a gene, with or without a version."""
    return _ENSEMBL.fullmatch(label) is not None


def without_version(label: str) -> str:
    """Return an Ensembl id without its version; any other label as it is."""
    found = _ENSEMBL.fullmatch(label)
    return label if found is None else found[1] + (found[2] or "")


def is_copy_on_y(label: str) -> bool:
    """Return whether an id is of a pseudo-autosomal gene's copy on Y: GENCODE marks it `_PAR_Y`, before v25 `ENSGR`."""
    return label.endswith(PAR_Y) or (is_ensembl(label) and without_version(label)[:5] == "ENSGR")


def place_of(chromosome: str | None, start: float | None) -> Place:
    """Return the sort key of a position: chr1 … chr22, other names alphabetically, genes without a position last."""
    if chromosome is None or start is None:
        return UNPLACED
    name = chromosome.removeprefix("chr")
    number = re.fullmatch(r"[0-9]{1,9}", name)  # a longer one is a name
    return ((0, int(name), "") if number else (1, 0, name)), float(start)
