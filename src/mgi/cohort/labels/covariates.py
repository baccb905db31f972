"""Age, sex and random numbers as a modality: the control of ContIG, which says nothing of genes (arXiv:2111.13424)."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.cohort.labels.file import LabelTable
from mgi.core.errors import BadInputError

N_NOISE = 5
NUMBERS = ("age", "sex", *(f"noise{number}" for number in range(1, N_NOISE + 1)))
SEX = {"female": 1.0, "male": -1.0}


class Covariates:
    """The covariates of patients whose age or sex is known; age is in deviations of the `training` patients.

    An unknown age or sex is 0. Raises BadInputError where the labels have neither of any training patient.
    """

    def __init__(self, labels: LabelTable, training: list[str], where: str) -> None:
        table = labels.table.set_index("patient_id")
        self._age = pd.to_numeric(table["age_years"], errors="coerce").astype(np.float64)
        self._sex = table["sex"].map(SEX).astype(np.float64)
        own = self._age.reindex(training)
        if own.isna().all() and self._sex.reindex(training).isna().all():
            raise BadInputError(f"{where}: found no age and no sex of a training patient, expected some for covariates")
        self._mean = 0.0 if own.isna().all() else float(own.mean())
        deviation = float(own.std(ddof=0)) if own.notna().any() else 1.0
        self._deviation = deviation if deviation > 0 else 1.0

    def known(self, patients: list[str]) -> NDArray[np.bool_]:
        """Whose age or sex is known (P,)."""
        both = self._age.reindex(patients).notna() | self._sex.reindex(patients).notna()
        return both.to_numpy(bool)

    def vectors(self, patients: list[str], noise: NDArray[np.float32]) -> NDArray[np.float32]:
        """Age, sex and `noise` (P, N_NOISE) side by side (P, 7)."""
        age = (self._age.reindex(patients) - self._mean) / self._deviation
        columns = [age.fillna(0.0), self._sex.reindex(patients).fillna(0.0)]
        return np.column_stack([*columns, noise]).astype(np.float32)
