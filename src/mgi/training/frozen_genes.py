"""A model is of one list of genes in one order, and of one list of gene sets: anything else is refused by name."""

from collections import Counter
from collections.abc import Sequence
from itertools import zip_longest

from mgi.core.errors import BadInputError
from mgi.models.gene_tokens import Members


def require_same_genes(trained: Sequence[str], given: Sequence[str], *, where: str) -> None:
    """Raise BadInputError unless `given` are the genes that were trained on, in their order.

    The message says how many differ and names the first that does, with its place counted from 1.
    """
    differing = [place for place, (one, two) in enumerate(zip_longest(trained, given)) if one != two]
    if not differing:
        return
    missing, added = (sum((Counter(a) - Counter(b)).values()) for a, b in ((trained, given), (given, trained)))
    counts = f"{missing} of its {len(trained)} genes are missing and {added} of the {len(given)} given are not its own"
    order = f"the same {len(trained)} genes in another order, {len(differing)} of them elsewhere"
    place = differing[0]
    raise BadInputError(
        f"{where}: trained on another gene list: {counts if missing or added else order}; "
        f"the first that differs is gene {place + 1}: found {_at(given, place)}, expected {_at(trained, place)}"
    )


def require_same_sets(trained: Members | None, given: Members | None, *, where: str) -> None:
    """Raise BadInputError unless both have the same gene sets in the same order, with the same genes."""
    mine, other = ([(name, list(own)) for name, own in (sets or {}).items()] for sets in (trained, given))
    differing = [place for place, (one, two) in enumerate(zip_longest(mine, other)) if one != two]
    if not differing:
        return
    names = [[name for name, _ in sets] for sets in (mine, other)]
    place = differing[0]
    raise BadInputError(
        f"{where}: trained on other gene sets: {len(differing)} of {max(map(len, names))} differ, the first is set "
        f"{place + 1}: found {_at(names[1], place)}, expected {_at(names[0], place)} with the genes that it had"
    )


def _at(names: Sequence[str], place: int) -> str:
    return repr(names[place][:60]) if place < len(names) else "none"
