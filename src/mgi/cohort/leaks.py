"""What training, validation and test of a fold have in common, and must not: a patient, a gene vector, an image."""

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from mgi.cohort.split import TEST, TRAIN, UNPAIRED_EXPRESSION, UNPAIRED_IMAGE

Roles = Iterable[tuple[str, str]]
"""Patient and role, a pair per row of the split in one fold."""


class Leak(NamedTuple):
    """Two patients of one fold, or one in two roles, on two sides of the split with something in common."""

    fold: int
    first: str
    first_role: str
    second: str
    second_role: str
    shared: str

    def __str__(self) -> str:
        return (
            f"fold {self.fold}: {self.first} ({self.first_role}) and {self.second} ({self.second_role}) have the same "
            f"{self.shared}"
        )


def leaks_of(fold: int, roles: Roles, shared: Mapping[str, Mapping[str, Iterable[bytes]]]) -> list[Leak]:
    """Every pair of the fold that shares something across its sides, once for each kind, sorted.

    `shared` has for each kind (`gene vector`) the digests by patient. A patient without image trains the gene encoder,
    which is the side of training; one without expression is only ever tested.
    """
    placed = sorted(set(roles))
    found = set(_between(fold, "patient id", [((patient, role), patient.encode()) for patient, role in placed]))
    for kind, digests in shared.items():
        owned = [(owner, digest) for owner in placed for digest in digests.get(owner[0], ())]
        found.update(leak for leak in _between(fold, kind, owned) if leak.first != leak.second)
    return sorted(found)


def _between(fold: int, kind: str, owned: Iterable[tuple[tuple[str, str], bytes]]) -> Iterable[Leak]:
    owners: dict[bytes, list[tuple[str, str]]] = {}
    for owner, digest in owned:
        for other in owners.setdefault(digest, []):
            if _side(other[1]) != _side(owner[1]):
                yield Leak(fold, *other, *owner, kind)
        owners[digest].append(owner)


def _side(role: str) -> str:
    return {UNPAIRED_EXPRESSION: TRAIN, UNPAIRED_IMAGE: TEST}.get(role, role)
