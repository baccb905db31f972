"""Random numbers in the place of genes: they name a patient and say nothing else of it.

A model that gains as much from them as from genes has learned to know its patients, not to read their expression.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def random_id_vectors(patient_ids: Sequence[str], n_genes: int, seed: int) -> NDArray[np.float32]:
    """Standard normal values (P, G), the scale of standardised expression, drawn for each patient by id and seed alone.

    So a patient has the same ones in pre-training, fine-tuning and the test, whoever else is asked for.
    """
    drawn = np.empty((len(patient_ids), n_genes), np.float32)
    for row, patient in enumerate(patient_ids):
        # The old name stays in what is hashed: another would draw other vectors, and change the control's scores.
        digest = hashlib.sha256(f"fingerprint {seed} {patient}".encode()).digest()
        drawn[row] = np.random.default_rng(int.from_bytes(digest)).standard_normal(n_genes, dtype=np.float32)
    return drawn
