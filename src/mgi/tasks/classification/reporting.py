"""The part of the report that shows how well classes are told: scores by input, ROC curves, calibration."""

from typing import Any

import pandas as pd

from mgi.tasks.classification.curves import calibration_figure, roc_figure
from mgi.tasks.classification.scoring import CIRCULAR, TRUTH, classes_in, column, definitions
from mgi.tasks.report_parts import ReportInput, Section
from mgi.tasks.text import in_order, rendered, rows_by, rows_by_input

score_name = "AUC"
curves = (("Validation AUC", "validation_auc"),)
DEFINITIONS = {
    "auc": (
        "AUC",
        "how often the patient with the class is given more of it than one without; 0.5 is chance; of several classes "
        "the mean over classes, each against all others",
    ),
    "balanced_accuracy": ("Balanced accuracy", "share of patients told right within each class, averaged over classes"),
    "brier": ("Brier", "squared error of the probabilities, summed over classes; lower is better"),
    "brier_uncalibrated": ("Brier, raw", "the same before the temperature"),
    "ece": (
        "ECE",
        "how far the probability of the likeliest class is from how often it is right, over ten bins; lower is better",
    ),
    "ece_uncalibrated": ("ECE, raw", "the same before the temperature"),
}
"""What each definition of a score is called in print, and what it counts."""


def definition_name(definition: str) -> str:
    """The printed name of a definition, as in a sentence."""
    return DEFINITIONS[definition][0]


def section(given: ReportInput) -> Section:
    """The table of scores by input, ROC curves and calibration of the patients tested with their own data."""
    simulated, names = given.simulated, classes_in(given.patients)
    once = given.patients.drop_duplicates("patient_id")
    counts = {name: int((once[column(TRUTH, name)] > 0).sum()) for name in names}
    figures = {
        "roc": roc_figure(given.patients, simulated=simulated),
        "calibration": calibration_figure(given.patients, simulated=simulated),
    }
    content: dict[str, Any] = {
        **vars(given),
        "definitions": DEFINITIONS,
        "rows": rows_by_input(given.results),
        "everybody": rows_by_input(given.no_genes) if given.unpaired else [],
        "tests": rows_by(given.tests, "method"),
        "names": {name: DEFINITIONS[name][0] for name in definitions},
        "counts": counts,
        "circular": circular_methods(given.results),
        "figures": figures,
    }
    return Section(
        html=rendered("mgi.tasks.classification", "section.html.j2", content),
        figures=figures,
        links={"classes": "Classes"},
        notes=[
            "With few patients in the rarer class the intervals are wide: a difference that is not seen may be there."
        ],
        title="Classes of glioma patients from genes and images",
        test="twice the share of draws of patients in which the difference is on the other side of 0",
        of_cohort=True,
    )


def circular_methods(results: pd.DataFrame) -> dict[str, list[str]]:
    """The methods whose inputs tell the label by themselves, by the reason."""
    found: dict[str, list[str]] = {}
    marked = results[results[CIRCULAR].notna()] if CIRCULAR in results else results[:0]
    for reason, rows in marked.groupby(CIRCULAR, sort=True):
        found[str(reason)] = in_order(list(rows["method"]))
    return found
