"""One patient under two ids would be in training and test at once."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError


def digest_of_values(values: NDArray[Any]) -> bytes:
    """SHA-256 of an array's values in C order."""
    return hashlib.sha256(np.ascontiguousarray(values).data).digest()


class TwinGuard:
    """Remembers what each patient's data was; `what` names it in the message."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._owner: dict[bytes, str] = {}

    def admit(self, patient_id: str, values: NDArray[Any]) -> None:
        """Take a patient in.

        Raises BadInputError where another patient has exactly these values.
        """
        self.admit_digest(patient_id, digest_of_values(values))

    def admit_digest(self, patient_id: str, digest: bytes) -> None:
        """The same with a digest that was made elsewhere, such as in a thread."""
        owner = self._owner.setdefault(digest, patient_id)
        if owner != patient_id:
            raise BadInputError(
                f"{patient_id}: has the same {self._what} as {owner}; one of the two is a copy, unchoose it in the lock"
            )
