"""The part of the report that shows how well risks order patients: concordance by input, survival by risk."""

from typing import Any

from mgi.tasks.report_parts import ReportInput, Section
from mgi.tasks.survival.curves import of_first_seed, risk_figure
from mgi.tasks.survival.scoring import definitions
from mgi.tasks.text import rendered, rows_by, rows_by_input

score_name = "concordance"
curves = (("Validation concordance", "validation_c_index"),)
DEFINITIONS = {
    "c_index": (
        "Harrell's C",
        "of two patients of one fold, how often the one with the higher risk has the event first; 0.5 is chance",
    ),
    "c_index_uno": ("Uno's C", "the same with weights that undo how patients of training were censored"),
    "integrated_brier": (
        "Integrated Brier",
        "squared error of the predicted survival, averaged over the cut points; lower is better",
    ),
    "integrated_brier_no_model": ("Without a model", "the same of the survival curve of the training patients"),
}
"""What each definition of a score is called in print, and what it counts."""


def definition_name(definition: str) -> str:
    """The printed name of a definition, as in a sentence."""
    return DEFINITIONS[definition][0]


def section(given: ReportInput) -> Section:
    """The table of scores by input, and survival of three groups by the risk that was predicted for them."""
    once = given.patients.drop_duplicates("patient_id")
    figures = {"survival": risk_figure(given.patients, simulated=given.simulated)}
    content: dict[str, Any] = {
        **vars(given),
        "definitions": DEFINITIONS,
        "rows": rows_by_input(given.results),
        "everybody": rows_by_input(given.no_genes) if given.unpaired else [],
        "tests": rows_by(given.tests, "method"),
        "names": {name: DEFINITIONS[name][0] for name in definitions},
        "n_patients": len(once),
        "n_events": int((once["event"] > 0).sum()),
        "seeds": sorted(of_first_seed(given.patients)["seed"].unique()),
        "figures": figures,
    }
    return Section(
        html=rendered("mgi.tasks.survival", "section.html.j2", content),
        figures=figures,
        links={"survival": "Survival"},
        notes=["What counts is the number of events, not of patients: with few of them the intervals are wide."],
        title="Survival of glioma patients from genes and images",
        test="twice the share of draws of patients in which the difference is on the other side of 0",
        of_cohort=True,
    )
