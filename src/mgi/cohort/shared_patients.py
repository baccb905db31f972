"""One person in two cohorts: by the id, by an image slice of the same pixels, or by the same expression.

A model that trained on a patient knows the mask; a score on that patient says nothing about others.
"""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.duplicates import digest_of_values
from mgi.shards.image_shard import PatientImages

LEAST_CONTENT = 0.01  # share of a slice's pixels above its least value; emptier ones can be alike by chance


def slice_owners(patients: Iterable[PatientImages]) -> dict[bytes, str]:
    """The patient of each slice, by a digest of its grid, type and pixels; a slice of next to nothing is nobody's."""
    owners: dict[bytes, str] = {}
    for patient in patients:
        for plane in patient.slices:
            if _has_content(plane):
                owners.setdefault(_digest_of_slice(plane), patient.patient_id)
    return owners


def same_slices(known: Mapping[bytes, str], patients: Iterable[PatientImages]) -> dict[str, str]:
    """Of each patient who has a slice of `known` (see slice_owners), whose it is."""
    found = ((patient.patient_id, _first_owner(known, patient)) for patient in patients)
    return {patient: owner for patient, owner in found if owner is not None}


def same_values(
    known: Mapping[str, NDArray[np.float32]], patients: Mapping[str, NDArray[np.float32]]
) -> dict[str, str]:
    """Of each patient whose values (G,) are exactly those of somebody in `known`, whose they are."""
    # Adding 0 makes one zero of the two that floats have.
    owners = {digest_of_values(values + np.float32(0)): patient for patient, values in known.items()}
    found = {patient: owners.get(digest_of_values(values + np.float32(0))) for patient, values in patients.items()}
    return {patient: owner for patient, owner in found.items() if owner is not None}


def _first_owner(known: Mapping[bytes, str], patient: PatientImages) -> str | None:
    owners = (known.get(_digest_of_slice(plane)) for plane in patient.slices if _has_content(plane))
    return next((owner for owner in owners if owner is not None), None)


def _has_content(plane: NDArray[Any]) -> bool:
    return float((plane > plane.min()).mean()) >= LEAST_CONTENT


def _digest_of_slice(plane: NDArray[Any]) -> bytes:
    digest = hashlib.sha256(f"{plane.shape} {plane.dtype.str}".encode())
    digest.update(np.ascontiguousarray(plane).data)
    return digest.digest()
