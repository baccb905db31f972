"""Does MGI use expression? The same model with other inputs, and models that were trained without what it says.

Genes of a patient identify the patient, so a score alone says nothing; what says something is the paired difference
between a patient's own expression and that of another patient, on patients that training never saw.
"""

import math

import pandas as pd

from mgi.core.run import NO_GENES, NO_PRETRAINING, RANDOM_ID
from mgi.evaluation.cohort_tables import REFERENCE
from mgi.evaluation.expression_inputs import COHORT_MEAN, NOT_USED, NULL_TOKEN, OWN, PERMUTED
from mgi.evaluation.intervals import bootstrap_mean, paired_difference
from mgi.evaluation.patient_scores import values_of

CONDITIONS = {
    OWN: (REFERENCE, OWN),
    PERMUTED: (REFERENCE, PERMUTED),
    COHORT_MEAN: (REFERENCE, COHORT_MEAN),
    NULL_TOKEN: (REFERENCE, NULL_TOKEN),
    RANDOM_ID: (f"{REFERENCE}-{RANDOM_ID}", OWN),
    NO_GENES: (f"{REFERENCE}-{NO_GENES}", NOT_USED),
    NO_PRETRAINING: (f"{REFERENCE}-{NO_PRETRAINING}", OWN),
}
"""Method and expression input of each: four inputs of one model, then the controls, each tested as trained."""
AUDIT_COLUMNS = ["condition", "mean", "difference", "low", "high", "n"]


def audit_table(patients: pd.DataFrame, definition: str, draws: int, seed: int) -> pd.DataFrame:
    """Mean per condition, and own expression minus it over the patients that have both; absent ones have no row.

    `low` and `high` bound the mean in the row `own`, the difference in the others.
    """
    own = values_of(patients, *CONDITIONS[OWN], definition)
    rows = []
    for condition, (method, expression_input) in CONDITIONS.items():
        values = values_of(patients, method, expression_input, definition)
        shared = own.index.intersection(values.index).sort_values()
        if shared.empty:
            continue
        if condition == OWN:
            difference, interval = math.nan, bootstrap_mean(own[shared], draws, seed)
        else:
            interval = paired_difference(own[shared], values[shared], draws, seed)
            difference = interval.mean
        mean = float(values[shared].mean())
        rows.append({**interval._asdict(), "condition": condition, "mean": mean, "difference": difference})
    return pd.DataFrame(rows, columns=AUDIT_COLUMNS).astype({"n": "int64"})
