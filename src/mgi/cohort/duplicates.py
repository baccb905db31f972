"""The one definition of "the same data", for shards, the check against another archive, and the check of a split.

Arrays are the same where their shapes and values are, whatever their types: a slice stored as uint8 by one archive and
as int16 by the other is one slice. A person under two ids would otherwise be in training and test at once.
`leaks_of` says what the sides of a fold have in common and must not: a patient, a gene vector, an image.
"""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.near_duplicates import (
    SAME_SLICE,
    Signatures,
    same_vector,
    slice_signatures,
    vector_signature,
)
from mgi.cohort.near_pairs import StoredSignatures
from mgi.cohort.split import TEST, TRAIN, UNPAIRED_EXPRESSION, UNPAIRED_IMAGE
from mgi.core.errors import BadInputError
from mgi.core.files import read_json
from mgi.shards import bags, expression_shard, feature_shard, image_shard
from mgi.shards.image_shard import PatientImages

LEAST_CONTENT = 0.01  # share of a slice's pixels above its least value; emptier ones can be alike by chance
SAMPLED = 4  # every fourth slice tells a copied scan from another


def digest_of_values(values: NDArray[Any]) -> bytes:
    """Return the SHA-256 of an array's shape and its values as float32; 0 and -0 are one value."""
    digest = hashlib.sha256(str(values.shape).encode())
    digest.update((np.asarray(values, "<f4", order="C") + np.float32(0)).data)
    return digest.digest()


def digest_of_image(slices: NDArray[Any]) -> bytes:
    """Return the digest of a whole image (S, H, W), by its number of slices and a sample of them."""
    return hashlib.sha256(b"".join([str(len(slices)).encode(), *map(digest_of_values, slices[::SAMPLED])])).digest()


def slice_digests(slices: NDArray[Any]) -> list[bytes]:
    """Return the digests of the slices of an image (S, H, W); constant and almost empty ones are left out."""
    return [digest_of_values(one) for one in slices if float((one > one.min()).mean()) >= LEAST_CONTENT]


def slice_index(patients: Iterable[PatientImages]) -> dict[bytes, str]:
    """Map the digest of each slice to its patient, the first where several have it."""
    index: dict[bytes, str] = {}
    for patient in patients:
        for digest in slice_digests(patient.slices):
            index.setdefault(digest, patient.patient_id)
    return index


def same_slices(known: Mapping[bytes, str], patients: Iterable[PatientImages]) -> dict[str, str]:
    """Map each patient who has a slice of `known` (see slice_index) to its owner there."""
    found = {one.patient_id: [known[key] for key in slice_digests(one.slices) if key in known] for one in patients}
    return {patient: owners[0] for patient, owners in found.items() if owners}


def same_values(known: Mapping[str, bytes], patients: Mapping[str, bytes]) -> dict[str, str]:
    """Map each patient whose digest of values is that of somebody in `known` to that patient."""
    index = {digest: patient for patient, digest in known.items()}
    return {patient: index[digest] for patient, digest in patients.items() if digest in index}


class DuplicateCheck:
    """Remembers each patient's digest; `what` names the data in the message."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._owner: dict[bytes, str] = {}

    def add(self, patient_id: str, digest: bytes) -> None:
        """Take a patient in; raises BadInputError where another patient has this digest."""
        owner = self._owner.setdefault(digest, patient_id)
        if owner != patient_id:
            raise BadInputError(
                f"{patient_id}: has the same {self._what} as {owner}; one of the two is a copy, unchoose it in the lock"
            )


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
    """What a shard has of `what` (a vector of a table, a slice of volumes, a tile of bags), `n_digests` in all.

    `repeated` are the digests that several patients have, by patient. Rows of `signatures` are twins from the
    correlation `least` on (see near_duplicates).
    """

    what: str
    n_patients: int
    n_digests: int
    repeated: Mapping[str, set[bytes]]
    signatures: Mapping[str, Signatures]
    least: float


class _Repeated:
    """Finds the digests that several patients have."""

    def __init__(self) -> None:
        self.by_patient, self.n_patients, self.n_digests = dict[str, set[bytes]](), 0, 0
        self._first = dict[bytes, str]()

    def add(self, patient: str, digests: set[bytes]) -> None:
        """Take a patient in, once."""
        self.n_patients += 1
        self.n_digests += len(digests)
        for digest in digests:
            if (first := self._first.setdefault(digest, patient)) != patient:
                for owner in (first, patient):
                    self.by_patient.setdefault(owner, set()).add(digest)


def _add_tiles(digests: _Repeated, dataset: Path) -> None:
    """Take in the vectors of all tiles of each patient, whose slides lie one behind the other."""
    for patient, slides in groupby(bags.open_bags(dataset).bags(), key=lambda bag: bag.patient_id):
        digests.add(patient, {digest_of_values(vector) for bag in slides for vector in bag.embeddings})


def digests_of_shard(dataset: Path, scratch: Path) -> ShardDigests:
    """Read a whole shard, whatever its format, by its dataset.json; `scratch` is a folder for its signatures."""
    described = read_json(dataset)
    kind, name = described.get("kind"), described.get("modality", dataset.parent.name)
    digests, signatures = _Repeated(), StoredSignatures(scratch)
    if kind == expression_shard.KIND:
        shard = expression_shard.open_expression(dataset)
        for rows, values in shard.row_groups():
            for row, vector in zip(rows.tolist(), values, strict=True):
                digests.add(shard.patient_ids[row], {digest_of_values(vector)})
                signatures.add(shard.patient_ids[row], vector_signature(vector))
        what, least = "vector", same_vector(len(shard.genes))
    elif kind == feature_shard.KIND:
        features = feature_shard.open_features(dataset)
        # Counts and classes are alike in many patients, so that the same ones say nothing of who they are of.
        for rows, values in features.row_groups() if features.told_apart else ():
            for row, vector in zip(rows.tolist(), values, strict=True):
                digests.add(features.patient_ids[row], {digest_of_values(vector)})
        what, least = "vector", same_vector(len(features.features))
    elif kind == image_shard.KIND:
        for one in image_shard.iter_images(dataset):
            digests.add(one.patient_id, set(slice_digests(one.slices)))
            signatures.add(one.patient_id, slice_signatures(one.slices))
        what, least = "slice", SAME_SLICE
    elif kind == bags.KIND:
        _add_tiles(digests, dataset)
        what, least = "tile", SAME_SLICE
    else:
        raise BadInputError(f"{dataset}: kind {kind!r}, expected a shard of a table, of features, volumes or bags")
    return ShardDigests(
        what=f"{name} {what}",
        n_patients=digests.n_patients,
        n_digests=digests.n_digests,
        repeated=digests.by_patient,
        signatures=signatures,
        least=least,
    )
