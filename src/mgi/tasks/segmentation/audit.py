"""Does MGI use its genes? The same trained model with other genes, and models that were trained without what they say.

Genes of a patient identify the patient, so a score alone says nothing; what says something is the paired difference
between real genes and those of another patient, on patients that training never saw.
"""

import math

import pandas as pd

from mgi.evaluation.intervals import Interval, bootstrap_mean, paired_difference
from mgi.tasks.segmentation.patient_scores import (
    MGI,
    MGI_FROM_SCRATCH,
    MGI_ON_FINGERPRINTS,
    MGI_WITHOUT_GENES,
    values_of,
)

ROWS = {
    "real": (MGI, "real"),
    "permuted": (MGI, "permuted"),
    "mean": (MGI, "mean"),
    "null": (MGI, "null"),
    "fingerprint": (MGI_ON_FINGERPRINTS, "real"),
    "none": (MGI_WITHOUT_GENES, "none"),
    "scratch": (MGI_FROM_SCRATCH, "real"),
}
"""Row name to method and gene mode: four times one model, then models trained again, each tested as trained."""
AUDIT_COLUMNS = ["genes", "mean", "difference", "low", "high", "n"]


def audit_table(patients: pd.DataFrame, definition: str, draws: int, seed: int) -> pd.DataFrame:
    """Mean per kind of genes, and real minus that kind over the patients that have both; absent kinds have no row.

    `low` and `high` bound the mean in the row `real`, the difference in the others.
    """
    real = values_of(patients, *ROWS["real"], definition)
    rows = []
    for name, (method, genes) in ROWS.items():
        values = values_of(patients, method, genes, definition)
        shared = real.index.intersection(values.index).sort_values()
        if shared.empty:
            continue
        if name == "real":
            difference, interval = math.nan, bootstrap_mean(real[shared], draws, seed)
        else:
            interval = paired_difference(real[shared], values[shared], draws, seed)
            difference = interval.estimate
        rows.append(_row(name, float(values[shared].mean()), difference, interval))
    return pd.DataFrame(rows, columns=AUDIT_COLUMNS).astype({"n": "int64"})


def _row(name: str, mean: float, difference: float, interval: Interval) -> dict[str, object]:
    return {
        "genes": name, "mean": mean, "difference": difference, "low": interval.low, "high": interval.high,
        "n": interval.n,
    }  # fmt: skip
