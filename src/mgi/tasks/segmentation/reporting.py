"""The part of the report that shows masks and what they score."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from mgi.core.run import apart
from mgi.evaluation.cohort_tables import is_reference_again
from mgi.evaluation.patient_scores import as_trained
from mgi.tasks.drawing import patients_figure
from mgi.tasks.report_parts import ReportInput, Section
from mgi.tasks.segmentation.breakdown import breakdown
from mgi.tasks.segmentation.overlays import FAILURES, OverlayCase, overlay_cases, overlays_figure
from mgi.tasks.segmentation.scoring import HEADLINE
from mgi.tasks.segmentation.viewer import viewer
from mgi.tasks.text import in_order, number, rendered, rows_by, rows_by_input

Row = dict[str, Any]
score_name = "Dice"
curves = (("Validation Dice at the network's size", "validation_dice"),)
DEFINITIONS = {
    "volume": ("Volume", "one Dice per patient over all its voxels; the headline"),
    "volume_largest_component": ("Volume, largest body", "the same after keeping the largest connected prediction"),
    "slice_positive": ("Slices with tumour", "mean over a patient's slices that have tumour"),
    "slice_all_empty_one": (
        "All slices, empty = 1",
        "mean over all slices of a patient; empty against empty counts 1 (lenient)",
    ),
    "slice_all_empty_skipped": (
        "All slices, empty skipped",
        "slices empty in both are left out; a false positive on an empty slice counts 0",
    ),
    "slice_five_thresholds": (
        "Five thresholds",
        "slice mean over thresholds .1 .3 .5 .7 .9, empty against empty counts 1 (lenient)",
    ),
    "pooled": ("Pooled", "one Dice over the voxels of all patients together; large tumours weigh more"),
    "hd95_px": ("HD95, pixels", "95th percentile of in-plane boundary distance; lower is better"),
    "nsd_2px": ("NSD at 2 px", "share of the boundaries that lie within 2 pixels of each other, in plane"),
    "lesion_slice_sensitivity": ("Slice sensitivity", "share of slices with tumour on which anything is predicted"),
    "empty_slice_specificity": ("Slice specificity", "share of slices without tumour that stay empty"),
    "volume_error": ("Volume error", "predicted minus true volume, as a share of the true one; 0 is best"),
}
"""What each definition of a score is called in print, and what it counts."""
MOST = 0.5
"""Above this share of the tumour missed, or of the prediction outside of it, the failure is named after it."""


def definition_name(definition: str) -> str:
    """The printed name of a definition, as in a sentence."""
    return DEFINITIONS[definition][0].lower()


def section(given: ReportInput) -> Section:
    """Tables of scores, scores by size and hospital, masks on images with failures, and what leaky protocols claim."""
    cases = overlay_cases(given.predictions, given.image_shard, given.patients, given.headline)
    results, simulated = as_trained(given.results), given.simulated
    label = "Volume Dice per patient" if given.headline == HEADLINE else given.headline
    parts = breakdown(given)
    content: dict[str, Any] = {
        **vars(given),
        "methods": _headline_rows(results, given.tests, given.headline),
        "definitions": DEFINITIONS,
        "definition_rows": rows_by_input(given.results),
        "ensembles": any(apart(label)[1] for label in results["method"]),
        "everybody": rows_by_input(given.no_genes) if given.unpaired else [],
        "paper_like": [] if given.leaky is None else as_trained(given.leaky).to_dict("records"),
        "failures": failure_rows(given.patients, cases),
        "overlays": cases,
        "viewer": viewer(cases, simulated=simulated),
        **parts.content,
        "figures": {
            "patients": patients_figure(
                as_trained(given.patients), results, given.headline, label, simulated=simulated
            ),
            **parts.figures,
            "overlays": overlays_figure(cases, simulated=simulated),
        },
    }
    links = {"dice": "Dice", "patients": "By patient", "protocols": "Protocols", "masks": "Masks"}
    shown = {
        "dice": True,
        "patients": bool(parts.content["shown"]),
        "protocols": bool(content["paper_like"]),
        "masks": bool(content["figures"]["overlays"]),
    }
    return Section(
        html=rendered("mgi.tasks.segmentation", "section.html.j2", content),
        figures=content["figures"],
        links={name: title for name, title in links.items() if shown[name]},
        notes=[
            "Two definitions count an empty prediction on an empty slice as 1. Predicting nothing at all would score "
            f"{number(empty_score(given.patients))} under them here, and 0 by volume. A published score compares only "
            "with the same definition and a split by patient.",
            "Boundary distances are in pixels within the slice, over slices where truth and prediction both have "
            "tumour.",
        ],
    )


def empty_score(patients: pd.DataFrame) -> float:
    """What predicting nothing would score where empty against empty counts 1: the mean share of empty slices."""
    once = patients.drop_duplicates("patient_id")
    return float((1 - once["tumour_slices"] / once["slices"]).mean())


def _headline_rows(compared: pd.DataFrame, tests: pd.DataFrame, definition: str) -> list[Row]:
    """The result of each method in one definition, with `lead`, the test of MGI against it if there is one."""
    chosen, against = rows_by(compared[compared["definition"] == definition], "method"), rows_by(tests, "method")
    return [{**chosen[label], "lead": against.get(label)} for label in in_order(list(chosen))]


def failure_rows(patients: pd.DataFrame, cases: Sequence[OverlayCase]) -> list[Row]:
    """Of each failure that is shown the scores of the first method, what it missed and marked, and how `others` did.

    `patients` has a row per method, expression input and patient; voxels are those of the images' own grid.
    """
    left_out = patients["method"].map(lambda label: apart(label)[1] or is_reference_again(label)).astype(bool)
    compared = as_trained(patients[~left_out])
    rows = []
    for case in cases:
        by_method = rows_by(compared[compared["patient_id"] == case.patient_id], "method")
        if case.rank not in FAILURES or not by_method:
            continue
        score, *others = (by_method[name] for name in in_order(list(by_method)))
        missed = 1 - score["overlap_voxels"] / score["true_voxels"]
        outside = 1 - score["overlap_voxels"] / score["predicted_voxels"] if score["predicted_voxels"] else 0.0
        said = {"missed": missed, "outside": outside, "reading": reading(missed, outside)}
        rows.append({**score, **said, "rank": case.rank, "others": others})
    return rows


def reading(missed: float, outside: float) -> str:
    """The failure in a few words, from the share of the tumour missed and of the prediction that is outside of it."""
    if missed == 1:
        return "nothing of the tumour is found"
    if missed > MOST:
        return "elsewhere for the most part" if outside > MOST else "most of the tumour is missed"
    return "most of what is marked is no tumour" if outside > MOST else "the outline is off"
