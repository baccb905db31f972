"""In what way the worst predictions fail: what they miss, and what they mark that is no tumour."""

from collections.abc import Sequence

import pandas as pd

from mgi.evaluation.cohort_tables import RETRAINED
from mgi.evaluation.patient_scores import as_trained
from mgi.tasks.segmentation.overlays import FAILURES, OverlayCase
from mgi.tasks.segmentation.scores import HEADLINE
from mgi.tasks.text import in_order, method_name, number, rows_by

MOST = 0.5
"""Above this share of the tumour missed, or of the prediction outside of it, the failure is named after it."""


def failure_rows(patients: pd.DataFrame, cases: Sequence[OverlayCase]) -> list[dict[str, str]]:
    """One row per failure that is shown: the tumour, what the first method missed and marked, how the others did.

    `patients` has a row per method, expression input and patient; voxels are those of the images' own grid.
    """
    compared = as_trained(patients[~patients["method"].isin(RETRAINED)])
    rows = []
    for case in cases:
        by_method = rows_by(compared[compared["patient_id"] == case.patient_id], "method")
        if case.rank not in FAILURES or not by_method:
            continue
        shown, *others = in_order(list(by_method))
        score = by_method[shown]
        missed = 1 - score["overlap_voxels"] / score["true_voxels"]
        outside = 1 - score["overlap_voxels"] / score["predicted_voxels"] if score["predicted_voxels"] else 0.0
        named = [f"{method_name(name)} {number(by_method[name][HEADLINE])}" for name in others]
        rows.append(
            {
                "rank": case.rank,
                "patient": case.patient_id,
                "tumour": f"{score['true_voxels']:,.0f} voxels on {score['tumour_slices']:.0f} slices",
                "method": method_name(shown),
                "dice": number(score[HEADLINE]),
                "missed": f"{missed:.0%}",
                "outside": f"{outside:.0%}",
                "reading": reading(missed, outside),
                "others": ", ".join(named),
            }
        )
    return rows


def reading(missed: float, outside: float) -> str:
    """The failure in a few words, from the share of the tumour missed and of the prediction that is outside of it."""
    if missed == 1:
        return "nothing of the tumour is found"
    if missed > MOST:
        return "elsewhere for the most part" if outside > MOST else "most of the tumour is missed"
    return "most of what is marked is no tumour" if outside > MOST else "the outline is off"
