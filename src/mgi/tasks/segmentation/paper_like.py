"""What the paper's likely protocol would have claimed; every number of it carries its watermark.

The mean runs over all slices of all patients, an empty prediction on an empty slice counts 1, and with the split by
slice the patients of the test are in training. Beside it the headline, which does neither.
"""

import pandas as pd

from mgi.core.run import SLICE
from mgi.evaluation.expression_inputs import kind_of
from mgi.evaluation.intervals import Interval, bootstrap_mean, bootstrap_ratio
from mgi.tasks.segmentation.scoring import HEADLINE

NO_SPLIT = "none"
EMPTY_MASK = "empty-mask"
LENIENT = ("slice_five_thresholds", "slice_all_empty_one")
_CASE = ["split_unit", "method", "expression_input"]
COLUMNS = [*_CASE, "definition", "mean", "low", "high", "patients", "slices", "watermark"]


def watermark(split_unit: str, definition: str) -> str:
    """Why a number is not comparable; empty where it is."""
    reasons = ["leaks patients across the split"] if split_unit == SLICE else []
    reasons += ["counts empty slices as 1"] if definition in LENIENT else []
    return f"NOT comparable: {'; '.join(reasons)}" if reasons else ""


def paper_like_table(scores: pd.DataFrame, draws: int, seed: int) -> pd.DataFrame:
    """A row per split unit, method, expression input and definition; intervals resample patients with all their slices.

    `scores` is the long table with the column `split_unit`. A patient's permutations and seeds are averaged first. The
    headline has no value for a split by slice: nobody's volume is tested whole.
    """
    scores = scores.assign(expression_input=scores["expression_input"].map(kind_of))
    tests = [*_CASE, "patient_id", "fold"]
    wide = scores.groupby([*tests, "definition"])["value"].mean().unstack("definition").reset_index()
    rows = []
    for case, group in wide.groupby(_CASE, sort=True):
        for definition in (*LENIENT, HEADLINE):
            known = group[group[definition].notna()] if definition in group else group.iloc[:0]
            if len(known):
                name = {**dict(zip(_CASE, case, strict=True)), "definition": definition}
                counts = {"patients": known["patient_id"].nunique(), "slices": known["slices"].sum()}
                marked = {**counts, "watermark": watermark(str(case[0]), definition)}
                rows.append({**name, **_over_slices(known, definition, draws, seed)._asdict(), **marked})
    return pd.DataFrame(rows, columns=COLUMNS).astype({"patients": "int64", "slices": "int64"})


def _over_slices(tested: pd.DataFrame, definition: str, draws: int, seed: int) -> Interval:
    """The mean over slices; over patients for the headline."""
    if definition == HEADLINE:
        return bootstrap_mean(tested.groupby("patient_id")[definition].mean(), draws, seed)
    summed = tested.assign(total=tested[definition] * tested["slices"]).groupby("patient_id")[["total", "slices"]].sum()
    return bootstrap_ratio(summed["total"], summed["slices"], draws, seed)
