"""Tables over patients: every definition of a score with its interval, methods against the reference, and the audit.

The audit asks whether MGI uses expression: the same model with other inputs, and models that were trained without what
it says. Genes of a patient identify the patient, so a score alone says nothing; what says something is the paired
difference between a patient's own expression and that of another patient, on patients that training never saw.
"""

import math
from collections.abc import Sequence

import pandas as pd

from mgi.core.run import ENSEMBLE, NO_GENES, NO_PRETRAINING, RANDOM_ID, apart
from mgi.evaluation.expression_inputs import COHORT_MEAN, NOT_USED, NULL_TOKEN, OWN, PERMUTED
from mgi.evaluation.intervals import bootstrap_mean, holm, wilcoxon_p
from mgi.evaluation.patient_scores import as_trained, values_of

REFERENCE = "mgi"
TOGETHER = f"{REFERENCE}-{ENSEMBLE}"
CASE = ["task", "method", "expression_input"]
RESULT_COLUMNS = [*CASE, "definition", "mean", "median", "q1", "q3", "low", "high", "n"]
TEST_COLUMNS = [*CASE, "difference", "low", "high", "p", "p_holm", "n"]
AUDIT_COLUMNS = ["condition", "mean", "difference", "low", "high", "n"]
AUDITED = {
    OWN: (REFERENCE, OWN),
    PERMUTED: (REFERENCE, PERMUTED),
    COHORT_MEAN: (REFERENCE, COHORT_MEAN),
    NULL_TOKEN: (REFERENCE, NULL_TOKEN),
    RANDOM_ID: (f"{REFERENCE}-{RANDOM_ID}", OWN),
    NO_GENES: (f"{REFERENCE}-{NO_GENES}", NOT_USED),
    NO_PRETRAINING: (f"{REFERENCE}-{NO_PRETRAINING}", OWN),
}
"""Method and expression input of each condition: four inputs of one model, then the controls, each as trained."""


def is_reference_again(label: str) -> bool:
    """Whether the method is the reference trained otherwise, a control or a variant: in tables, and no rival of it."""
    return label.startswith(f"{REFERENCE}-") and label != TOGETHER


def summary_rows(patients: pd.DataFrame, definitions: Sequence[str], draws: int, seed: int) -> list[dict[str, object]]:
    """A row per definition: mean over patients with its interval, and their spread."""
    rows = []
    for definition in definitions:
        values = patients[definition].astype("float64").dropna()
        quartiles = {"q1": values.quantile(0.25), "median": values.median(), "q3": values.quantile(0.75)}
        rows.append({"definition": definition, **bootstrap_mean(values, draws, seed)._asdict(), **quartiles})
    return rows


def paired_tests(patients: pd.DataFrame, definition: str, draws: int, seed: int) -> pd.DataFrame:
    """MGI minus every other method on the patients that both were tested on; Holm's correction over the rows.

    MGI's ensemble is what stands against other ensembles.
    """
    compared = as_trained(patients)
    rows = []
    for case, _ in compared.groupby(CASE, sort=True):
        _, method, expression_input = map(str, case)
        alone, together = apart(method)
        reference = TOGETHER if together and alone != REFERENCE else REFERENCE
        first, second = _of_both(compared, (reference, OWN), (method, expression_input), definition)
        if method == REFERENCE or first.empty:
            continue
        interval = bootstrap_mean(first - second, draws, seed)
        tested = {"difference": interval.mean, "p": wilcoxon_p(first - second)}
        rows.append({**dict(zip(CASE, case, strict=True)), **interval._asdict(), **tested})
    table = pd.DataFrame(rows, columns=TEST_COLUMNS).astype({"n": "int64"})
    table["p_holm"] = holm([float(p) for p in table["p"]])
    return table


def audit_table(patients: pd.DataFrame, definition: str, draws: int, seed: int) -> pd.DataFrame:
    """Mean per condition, and own expression minus it over the patients that have both; absent ones have no row.

    `low` and `high` bound the mean in the row `own`, the difference in the others.
    """
    rows = []
    for condition, case in AUDITED.items():
        own, values = _of_both(patients, AUDITED[OWN], case, definition)
        if own.empty:
            continue
        interval = bootstrap_mean(own if condition == OWN else own - values, draws, seed)
        difference = math.nan if condition == OWN else interval.mean
        means = {"mean": float(values.mean()), "difference": difference}
        rows.append({**interval._asdict(), "condition": condition, **means})
    return pd.DataFrame(rows, columns=AUDIT_COLUMNS).astype({"n": "int64"})


def _of_both(
    patients: pd.DataFrame, first: tuple[str, str], second: tuple[str, str], definition: str
) -> tuple[pd.Series, pd.Series]:
    """The values of two methods with their expression inputs, over the patients that both have, sorted."""
    one, other = values_of(patients, *first, definition), values_of(patients, *second, definition)
    shared = one.index.intersection(other.index).sort_values()
    return one[shared], other[shared]
