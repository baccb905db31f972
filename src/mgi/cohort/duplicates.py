"""The one definition of "the same data", for shards, the check of a split, and the check against another archive.

Arrays are the same where their shapes and values are, whatever their types: a slice stored as uint8 by one archive and
as int16 by the other is one slice. A person under two ids would otherwise be in training and test at once.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
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


def same_values(known: Mapping[str, NDArray[Any]], patients: Mapping[str, NDArray[Any]]) -> dict[str, str]:
    """Map each patient whose values (G,) are exactly those of somebody in `known` to that patient."""
    index = {digest_of_values(values): patient for patient, values in known.items()}
    found = {patient: index.get(digest_of_values(values)) for patient, values in patients.items()}
    return {patient: owner for patient, owner in found.items() if owner is not None}


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
