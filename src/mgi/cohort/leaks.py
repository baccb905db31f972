"""What training, validation and test of a fold have in common, and must not: a patient, a gene vector, an image."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from mgi.cohort.duplicates import digest_of_values, slice_digests
from mgi.cohort.split import TEST, TRAIN, UNPAIRED_EXPRESSION, UNPAIRED_IMAGE
from mgi.core.errors import BadInputError
from mgi.core.files import read_json
from mgi.shards import expression_shard, image_shard

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


@dataclass(frozen=True, kw_only=True)
class ShardDigests:
    """Digests by patient of what `what` names: a vector of a table, a slice of volumes."""

    what: str
    by_patient: Mapping[str, set[bytes]]

    @property
    def n_digests(self) -> int:
        """How many there are."""
        return sum(len(digests) for digests in self.by_patient.values())


def digests_of_shard(dataset: Path) -> ShardDigests:
    """Read a whole shard, whatever its format, by its dataset.json."""
    described = read_json(dataset)
    kind, name = described.get("kind"), described.get("modality", dataset.parent.name)
    if kind == expression_shard.KIND:
        shard = expression_shard.read_expression(dataset)
        vectors = zip(shard.patient_ids, shard.values, strict=True)
        return ShardDigests(what=f"{name} vector", by_patient={one: {digest_of_values(row)} for one, row in vectors})
    if kind == image_shard.KIND:
        volumes = image_shard.iter_images(dataset)
        return ShardDigests(
            what=f"{name} slice", by_patient={one.patient_id: set(slice_digests(one.slices)) for one in volumes}
        )
    raise BadInputError(f"{dataset}: kind {kind!r}, expected a shard of a table or of volumes")
