"""Which gene a label means: the one rule of gene lists, gene sets, gene positions, external cohorts and new patients.

The first of these that is known decides:

1. the gene with exactly this id;
2. the gene with this Ensembl id in another version, or without one (`_PAR_Y` is part of an id, a version is not);
3. the genes with exactly this name, copies on Y aside, which are found by their own id only;
4. the same three for the symbol's other name, where it is one of those that were renamed (see former_names).

Only an Ensembl id has a version: the clones `AC004556.1` and `AC004556.3` are two genes, and `AC004556` is neither.
A name of several genes is ambiguous. A list or a set that holds it means all of them; where one gene is needed (a
position, a value) it means none. Whoever matches says how many labels were ambiguous.
"""

from collections.abc import Iterable, Sequence

from mgi.core.gene_ids import is_copy_on_y, without_version
from mgi.modalities.rna.former_names import other_name

BY_ID, BY_BARE_ID, BY_NAME, BY_OTHER_NAME, AMBIGUOUS, UNKNOWN = (
    "by id", "by id without version", "by name", "by former or newer name", "name of several genes", "unknown"
)  # fmt: skip


class GeneIndex:
    """Genes by id and name; `names` has one for each id, empty or None where there is none, or is left out.

    Of ids that are repeated, or differ by version only, the first counts.
    """

    def __init__(self, ids: Sequence[str], names: Sequence[str | None] = ()) -> None:
        self._by_id: dict[str, int] = {}
        self._by_bare_id: dict[str, int] = {}
        self._by_name: dict[str, list[int]] = {}
        for row, gene in enumerate(ids):
            self._by_id.setdefault(gene, row)
            self._by_bare_id.setdefault(without_version(gene), row)
        for row, (gene, name) in enumerate(zip(ids, names, strict=bool(names))):
            if isinstance(name, str) and name and not is_copy_on_y(gene):  # pandas has NaN for no name
                self._by_name.setdefault(name, []).append(row)

    def find(self, label: str) -> tuple[str, Sequence[int]]:
        """Return how a label is known, and the rows of the genes that it means."""
        way, rows = self._find(label)
        if not rows and (other := other_name(label)) is not None:
            way, rows = self._find(other)
            way = BY_OTHER_NAME if way in (BY_ID, BY_NAME) else way
        return way, rows

    def _find(self, label: str) -> tuple[str, Sequence[int]]:
        if label in self._by_id:
            return BY_ID, [self._by_id[label]]
        if (bare := without_version(label)) in self._by_bare_id:
            return BY_BARE_ID, [self._by_bare_id[bare]]
        rows = self._by_name.get(label, ())
        return (UNKNOWN, BY_NAME, AMBIGUOUS)[min(len(rows), 2)], rows

    def find_one(self, gene_id: str, name: str | None) -> tuple[str, int | None]:
        """Return how a gene of another index is known here, by its id or else its name, and its row if it is one."""
        way, rows = self.find(gene_id)
        if not rows and isinstance(name, str) and name:
            way, rows = self.find(name)
            way = BY_NAME if way in (BY_ID, BY_BARE_ID) else way
        return way, rows[0] if len(rows) == 1 else None

    def known(self, way: str, labels: Iterable[str]) -> list[str]:
        """Return the labels that are known in this way, such as AMBIGUOUS."""
        return [label for label in labels if self.find(label)[0] == way]
