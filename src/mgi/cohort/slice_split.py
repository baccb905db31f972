"""A split that leaks, as papers have used it: a patient's slices are dealt to training, validation and test.

Only to show by how much such a split flatters. Every patient of the test is then in training too, and so are its genes.
"""

import hashlib

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.split import TEST, TRAIN, VALIDATION

TEST_SHARE = 5
VALIDATION_SHARE = 5
WATERMARK = "NOT comparable: leaks patients across the split"


def slice_roles(patient_id: str, n_slices: int, fold: int) -> NDArray[np.str_]:
    """Role of each slice of a patient: a fifth tests, of the rest a fifth validates, at random.

    The same for every method and seed; folds 0 to 4 test each slice once.
    """
    digest = hashlib.sha256(f"slice split {patient_id}".encode()).digest()
    dealt = np.random.default_rng(int.from_bytes(digest)).permutation(n_slices)
    roles = np.full(n_slices, TRAIN, dtype="<U10")
    testing = np.arange(n_slices) % TEST_SHARE == fold % TEST_SHARE
    roles[dealt[testing]] = TEST
    roles[dealt[~testing][::VALIDATION_SHARE]] = VALIDATION
    return roles
