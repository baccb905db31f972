"""Random vectors that replace expression as a leakage control: each names a patient and says nothing else.

A model that gains as much from them as from expression recognises its patients and does not read their genes.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def random_id_vectors(patient_ids: Sequence[str], n_genes: int, seed: int) -> NDArray[np.float32]:
    """Draw standard normal values (P, G), the scale of standardised expression, from each patient's id and the seed.

    A patient has the same vector in pre-training, fine-tuning and the test, whoever else is asked for.
    """
    drawn = np.empty((len(patient_ids), n_genes), np.float32)
    for row, patient in enumerate(patient_ids):
        # The word "fingerprint" is kept: another one would draw other numbers.
        digest = hashlib.sha256(f"fingerprint {seed} {patient}".encode()).digest()
        drawn[row] = np.random.default_rng(int.from_bytes(digest)).standard_normal(n_genes, dtype=np.float32)
    return drawn
