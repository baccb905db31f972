"""The part of the report that shows masks and what they score."""

from typing import Any

import pandas as pd

from mgi.evaluation.patient_scores import as_trained
from mgi.tasks.drawing import patients_figure
from mgi.tasks.report_parts import ReportInput, Section
from mgi.tasks.segmentation.definitions import DEFINITIONS
from mgi.tasks.segmentation.failures import failure_rows
from mgi.tasks.segmentation.overlay_cases import overlay_cases
from mgi.tasks.segmentation.overlays import overlays_figure
from mgi.tasks.text import EXPRESSION_INPUTS, in_order, number, rendered, rows_by

Row = dict[str, Any]
score_name = "Dice"
curves = (("Validation Dice at the network's size", "validation_dice"),)


def definition_name(definition: str) -> str:
    """The printed name of a definition, as in a sentence."""
    return DEFINITIONS[definition][0].lower()


def section(given: ReportInput) -> Section:
    """Tables of scores, the patients' figure, masks on images with their failures, and what leaky protocols claim."""
    cases = overlay_cases(given.predictions, given.image_shard, given.patients, given.headline)
    content: dict[str, Any] = {
        "simulated": given.simulated,
        "headline": given.headline,
        "methods": _headline_rows(as_trained(given.results), given.tests, given.headline),
        "definitions": DEFINITIONS,
        "definition_rows": _rows_by_input(given.results),
        "everybody": _rows_by_input(given.no_genes) if given.unpaired else [],
        "unpaired": given.unpaired,
        "paper_like": [] if given.leaky is None else as_trained(given.leaky).to_dict("records"),
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
        html=rendered("mgi.tasks.segmentation", "section.html.j2", content),
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


def _headline_rows(compared: pd.DataFrame, tests: pd.DataFrame, definition: str) -> list[Row]:
    """The result of each method in one definition, with `lead`, the test of MGI against it if there is one."""
    chosen, against = rows_by(compared[compared["definition"] == definition], "method"), rows_by(tests, "method")
    return [{**chosen[label], "lead": against.get(label)} for label in in_order(list(chosen))]


def _rows_by_input(results: pd.DataFrame) -> list[tuple[str, str, dict[str, Row]]]:
    """Each method and expression input in the order of print, with its results by definition."""
    cells = {
        (str(method), str(given)): rows_by(group, "definition")
        for (method, given), group in results.groupby(["method", "expression_input"])
    }
    order = [(label, given) for label in in_order([label for label, _ in cells]) for given in EXPRESSION_INPUTS]
    return [(*case, cells[case]) for case in order if case in cells]
