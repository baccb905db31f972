"""Tables over patients: every Dice definition with its interval, and each method against MGI."""

import math

import pandas as pd

from mgi.evaluation.intervals import bootstrap_mean, bootstrap_ratio, holm, paired_difference, wilcoxon_p
from mgi.tasks.segmentation.patient_scores import MGI, own_genes, values_of
from mgi.tasks.segmentation.scores import DICE_DEFINITIONS, OTHER_SCORES, POOLED

DICE_COLUMNS = ["method", "genes", "definition", "mean", "median", "q1", "q3", "low", "high", "n", "below_half", "zero"]
TEST_COLUMNS = ["method", "genes", "difference", "low", "high", "p", "p_holm", "n"]


def dice_table(patients: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """A row per method, gene mode and definition; `below_half` and `zero` count patients, for Dice definitions only.

    The pooled row is a ratio over the whole cohort, so it has an interval but no median.
    """
    rows = []
    for (method, genes), group in patients.groupby(["method", "genes"], sort=True):
        name = {"method": method, "genes": genes}
        rows += [{**name, **_row(group, definition, draws, seed)} for definition in DICE_DEFINITIONS]
        rows.append({**name, **_pooled(group, draws, seed)})
        rows += [{**name, **_row(group, definition, draws, seed)} for definition in OTHER_SCORES]
    table = pd.DataFrame(rows, columns=DICE_COLUMNS)
    return table.astype({"n": "int64", "below_half": "Int64", "zero": "Int64"})


def paired_tests(patients: pd.DataFrame, definition: str, draws: int, seed: int) -> pd.DataFrame:
    """MGI minus every other method on the patients that both were tested on; Holm's correction over the rows."""
    compared = own_genes(patients)
    reference = values_of(compared, MGI, "real", definition)
    rows = []
    for (method, genes), _ in compared.groupby(["method", "genes"], sort=True):
        if method == MGI or reference.empty:
            continue
        other = values_of(compared, str(method), str(genes), definition)
        shared = reference.index.intersection(other.index).sort_values()
        if shared.empty:
            continue
        difference = paired_difference(reference[shared], other[shared], draws, seed)
        p = wilcoxon_p(reference[shared] - other[shared])
        rows.append(
            {"method": method, "genes": genes, "difference": difference.estimate, "low": difference.low,
             "high": difference.high, "p": p, "n": difference.n}
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=TEST_COLUMNS).astype({"n": "int64"})
    table["p_holm"] = holm([float(p) for p in table["p"]])
    return table


def _row(group: pd.DataFrame, definition: str, draws: int, seed: int) -> dict[str, object]:
    values = group[definition].astype("float64").dropna()
    interval = bootstrap_mean(values, draws, seed)
    is_dice = definition in DICE_DEFINITIONS
    return {
        "definition": definition,
        "mean": interval.estimate,
        "median": values.median(),
        "q1": values.quantile(0.25),
        "q3": values.quantile(0.75),
        "low": interval.low,
        "high": interval.high,
        "n": interval.n,
        "below_half": int((values < 0.5).sum()) if is_dice else None,
        "zero": int((values == 0).sum()) if is_dice else None,
    }


def _pooled(group: pd.DataFrame, draws: int, seed: int) -> dict[str, object]:
    total = group["predicted_voxels"] + group["true_voxels"]
    interval = bootstrap_ratio(2 * group["overlap_voxels"], total, draws, seed)
    empty = {"median": math.nan, "q1": math.nan, "q3": math.nan, "below_half": None, "zero": None}
    return {
        "definition": POOLED, "mean": interval.estimate, "low": interval.low, "high": interval.high, "n": interval.n,
        **empty,
    }  # fmt: skip
