"""The part of the report that shows masks and what they score."""

from typing import Any

import jinja2
import pandas as pd

from mgi.evaluation.patient_scores import as_trained
from mgi.tasks.patients_figure import patients_figure
from mgi.tasks.report_parts import ReportInput, Section
from mgi.tasks.segmentation import report_tables as tables
from mgi.tasks.segmentation.definitions import DEFINITIONS
from mgi.tasks.segmentation.failures import failure_rows
from mgi.tasks.segmentation.overlay_cases import overlay_cases
from mgi.tasks.segmentation.overlays import overlays_figure
from mgi.tasks.text import number

TEMPLATE = "section.html.j2"
score_name = "Dice"
curves = (("Validation Dice at the network's size", "validation_dice"),)


def definition_name(definition: str) -> str:
    """The printed name of a definition, as in a sentence."""
    return DEFINITIONS[definition][0].lower()


def section(given: ReportInput) -> Section:
    """Tables of scores, the patients' figure, masks on images with their failures, and what leaky protocols claim."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("mgi.tasks.segmentation", ""),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    cases = overlay_cases(given.predictions, given.image_shard, given.patients, given.headline)
    content: dict[str, Any] = {
        "simulated": given.simulated,
        "headline": definition_name(given.headline),
        "methods": tables.headline_rows(as_trained(given.results), given.tests, given.headline),
        "definitions": [{"name": name, "meaning": meaning} for name, meaning in DEFINITIONS.values()],
        "definition_rows": tables.definition_rows(given.results),
        "everybody": tables.no_genes_rows(given.no_genes, given.headline) if given.unpaired else [],
        "unpaired": given.unpaired,
        "paper_like": tables.paper_like_rows(given.leaky),
        "failures": failure_rows(given.patients, cases),
        "overlays": [{"rank": case.rank, "patient": case.patient_id} for case in cases],
        "figures": {
            "patients": _patients_figure(given),
            "overlays": overlays_figure(cases, simulated=given.simulated),
        },
    }
    links = {"dice": "Dice", "protocols": "Protocols", "masks": "Masks"}
    shown = {"dice": True, "protocols": bool(content["paper_like"]), "masks": bool(content["figures"]["overlays"])}
    return Section(
        html=environment.get_template(TEMPLATE).render(**content),
        figures=content["figures"],
        links={name: title for name, title in links.items() if shown[name]},
        notes=[
            "Two definitions count an empty prediction on an empty slice as 1. Predicting nothing at all would score "
            f"{number(empty_score(given.patients))} under them here, and 0 by volume. A published score compares only "
            "with the same definition and a split by patient."
        ],
    )


def empty_score(patients: pd.DataFrame) -> float:
    """What predicting nothing would score where empty against empty counts 1: the mean share of empty slices."""
    once = patients.drop_duplicates("patient_id")
    return float((1 - once["tumour_slices"] / once["slices"]).mean())


def _patients_figure(given: ReportInput) -> str | None:
    compared = as_trained(given.patients)
    if compared.empty:
        return None
    label = "Volume Dice per patient" if given.headline == "volume" else given.headline
    results = as_trained(given.results)
    return patients_figure(compared, results, given.headline, label, simulated=given.simulated)
