"""One patient under two ids would be in training and test at once."""

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError


class TwinGuard:
    """Remembers what each patient's data was; `what` names it in the message."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._owner: dict[bytes, str] = {}

    def admit(self, patient_id: str, values: NDArray[Any]) -> None:
        """Take a patient in.

        Raises BadInputError where another patient has exactly these values.
        """
        digest = hashlib.sha256(np.ascontiguousarray(values).tobytes()).digest()
        owner = self._owner.setdefault(digest, patient_id)
        if owner != patient_id:
            raise BadInputError(
                f"{patient_id}: has the same {self._what} as {owner}; one of the two is a copy, unchoose it in the lock"
            )
