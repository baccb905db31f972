"""Tables over patients: every definition of a score with its interval, methods against the reference, and the audit.

The audit asks whether MGI uses expression: the same model with other inputs, and models that were trained without what
it says. Genes of a patient identify the patient, so a score alone says nothing; what says something is the paired
difference between a patient's own expression and that of another patient, on patients that training never saw.
"""

import math
from collections.abc import Callable, Mapping, Sequence

import pandas as pd

from mgi.core.run import (
    ENSEMBLE,
    IMAGE,
    NO_GENES,
    NO_IMAGE,
    NO_PRETRAINING,
    NO_SCAN,
    NO_SLIDES,
    RANDOM_ID,
    SLIDES,
    apart,
)
from mgi.evaluation.expression_inputs import (
    ALONE,
    COHORT_MEAN,
    IMAGE_LEFT_OUT,
    IMAGE_PERMUTED,
    LEFT_OUT,
    NOT_USED,
    NULL_TOKEN,
    OWN,
    PERMUTED,
)
from mgi.evaluation.intervals import Interval, bootstrap_mean, holm, wilcoxon_p
from mgi.evaluation.patient_scores import as_trained

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
    IMAGE_LEFT_OUT: (REFERENCE, IMAGE_LEFT_OUT),
    IMAGE_PERMUTED: (REFERENCE, IMAGE_PERMUTED),
    **{
        name: (REFERENCE, name)
        for one in (IMAGE, SLIDES)
        for name in (f"{one}_{kind}" for kind in (LEFT_OUT, ALONE, PERMUTED))
    },
    RANDOM_ID: (f"{REFERENCE}-{RANDOM_ID}", OWN),
    NO_GENES: (f"{REFERENCE}-{NO_GENES}", NOT_USED),
    NO_PRETRAINING: (f"{REFERENCE}-{NO_PRETRAINING}", OWN),
    NO_IMAGE: (f"{REFERENCE}-{NO_IMAGE}", OWN),
    NO_SCAN: (f"{REFERENCE}-{NO_SCAN}", OWN),
    NO_SLIDES: (f"{REFERENCE}-{NO_SLIDES}", OWN),
}
"""Method and expression input of each condition: inputs of one model, then the controls, each as trained."""
Pairing = Callable[[pd.DataFrame, pd.DataFrame, str, int, int], tuple[Interval, Interval, float] | None]
"""Compares two sets of rows in a definition, with so many draws and a seed, over the patients of both: the second's
score, first minus second, and its p value; None where they share no patient."""


def is_reference_again(label: str) -> bool:
    """Whether the method is the reference trained otherwise, a control or a variant: in tables, and no rival of it."""
    return label.startswith(f"{REFERENCE}-") and label != TOGETHER


def strongest_rival(means: Mapping[str, float]) -> str | None:
    """Of methods with their means the best that is neither the reference, nor one of its controls, nor an ensemble."""
    rivals = [one for one in sorted(means) if one != REFERENCE and not is_reference_again(one) and not apart(one)[1]]
    return max(rivals, key=lambda label: means[label], default=None)


def summary_rows(patients: pd.DataFrame, definitions: Sequence[str], draws: int, seed: int) -> list[dict[str, object]]:
    """A row per definition: mean over patients with its interval, and their spread."""
    rows = []
    for definition in definitions:
        values = patients[definition].astype("float64").dropna()
        quartiles = {"q1": values.quantile(0.25), "median": values.median(), "q3": values.quantile(0.75)}
        rows.append({"definition": definition, **bootstrap_mean(values, draws, seed)._asdict(), **quartiles})
    return rows


def paired_means(
    first: pd.DataFrame, second: pd.DataFrame, definition: str, draws: int, seed: int
) -> tuple[Interval, Interval, float] | None:
    """The pairing of a score that each patient has: means, and Wilcoxon's signed ranks."""
    one, other = (rows.set_index("patient_id")[definition].astype("float64") for rows in (first, second))
    shared = one.index.intersection(other.index).sort_values()
    if shared.empty:
        return None
    differences = one[shared] - other[shared]
    score = bootstrap_mean(other[shared], draws, seed)._replace(mean=float(other[shared].mean()))
    return score, bootstrap_mean(differences, draws, seed), wilcoxon_p(differences)


def paired_tests(
    patients: pd.DataFrame, definition: str, draws: int, seed: int, pairing: Pairing = paired_means
) -> pd.DataFrame:
    """MGI minus every other method on the patients that both were tested on; Holm's correction over the rows.

    MGI's ensemble is what stands against other ensembles.
    """
    compared = as_trained(patients)
    rows = []
    for case, group in compared.groupby(CASE, sort=True):
        method = str(case[1])
        alone, together = apart(method)
        reference = TOGETHER if together and alone != REFERENCE else REFERENCE
        if method == REFERENCE:
            continue
        paired = pairing(_rows_of(compared, reference, OWN), group, definition, draws, seed)
        if paired is None:
            continue
        _, difference, p = paired
        tested = {"difference": difference.mean, "p": p}
        rows.append({**dict(zip(CASE, case, strict=True)), **difference._asdict(), **tested})
    table = pd.DataFrame(rows, columns=TEST_COLUMNS).astype({"n": "int64"})
    table["p_holm"] = holm([float(p) for p in table["p"]])
    return table


def audit_table(
    patients: pd.DataFrame, definition: str, draws: int, seed: int, pairing: Pairing = paired_means
) -> pd.DataFrame:
    """Score per condition, and own expression minus it over the patients that have both; absent ones have no row.

    `low` and `high` bound the mean in the row `own`, the difference in the others.
    """
    own = _rows_of(patients, *AUDITED[OWN])
    rows = []
    for condition, case in AUDITED.items():
        paired = pairing(own, _rows_of(patients, *case), definition, draws, seed)
        if paired is None:
            continue
        score, difference, _ = paired
        interval = score if condition == OWN else difference
        means = {"mean": score.mean, "difference": math.nan if condition == OWN else difference.mean}
        rows.append({**interval._asdict(), "condition": condition, **means})
    return pd.DataFrame(rows, columns=AUDIT_COLUMNS).astype({"n": "int64"})


def _rows_of(patients: pd.DataFrame, method: str, expression_input: str) -> pd.DataFrame:
    return patients[(patients["method"] == method) & (patients["expression_input"] == expression_input)]
