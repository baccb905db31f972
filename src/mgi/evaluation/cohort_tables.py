"""Tables over patients: every definition of a score with its interval, and each method against the reference."""

from collections.abc import Sequence

import pandas as pd

from mgi.core.run import CONTROLS
from mgi.evaluation.expression_inputs import OWN
from mgi.evaluation.intervals import bootstrap_mean, holm, paired_difference, wilcoxon_p
from mgi.evaluation.patient_scores import as_trained, values_of

REFERENCE = "mgi"
RETRAINED = tuple(f"{REFERENCE}-{control}" for control in CONTROLS)
"""The reference trained again without one thing; each is a method of its own in tables, and no rival of it."""
CASE = ["task", "method", "expression_input"]
RESULT_COLUMNS = [*CASE, "definition", "mean", "median", "q1", "q3", "low", "high", "n"]
TEST_COLUMNS = [*CASE, "difference", "low", "high", "p", "p_holm", "n"]


def summary_rows(patients: pd.DataFrame, definitions: Sequence[str], draws: int, seed: int) -> list[dict[str, object]]:
    """A row per definition: mean over patients with its interval, and their spread."""
    rows = []
    for definition in definitions:
        values = patients[definition].astype("float64").dropna()
        quartiles = {"q1": values.quantile(0.25), "median": values.median(), "q3": values.quantile(0.75)}
        rows.append({"definition": definition, **bootstrap_mean(values, draws, seed)._asdict(), **quartiles})
    return rows


def paired_tests(patients: pd.DataFrame, definition: str, draws: int, seed: int) -> pd.DataFrame:
    """MGI minus every other method on the patients that both were tested on; Holm's correction over the rows."""
    compared = as_trained(patients)
    reference = values_of(compared, REFERENCE, OWN, definition)
    rows = []
    for case, _ in compared.groupby(CASE, sort=True):
        _, method, expression_input = case
        if method == REFERENCE or reference.empty:
            continue
        other = values_of(compared, str(method), str(expression_input), definition)
        shared = reference.index.intersection(other.index).sort_values()
        if shared.empty:
            continue
        interval = paired_difference(reference[shared], other[shared], draws, seed)
        p = wilcoxon_p(reference[shared] - other[shared])
        rows.append({**dict(zip(CASE, case, strict=True)), **interval._asdict(), "difference": interval.mean, "p": p})
    table = pd.DataFrame(rows, columns=TEST_COLUMNS).astype({"n": "int64"})
    table["p_holm"] = holm([float(p) for p in table["p"]])
    return table
