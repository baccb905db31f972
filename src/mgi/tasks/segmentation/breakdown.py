"""Scores patient by patient: by tumour size, by hospital, as paired differences, and volumes beside true ones."""

from dataclasses import dataclass
from typing import Any

from mgi.evaluation.cohort_tables import REFERENCE
from mgi.evaluation.expression_inputs import OWN, PERMUTED
from mgi.evaluation.patient_scores import values_of
from mgi.tasks.report_parts import ReportInput
from mgi.tasks.segmentation.difference_figure import differences_figure
from mgi.tasks.segmentation.scoring import HEADLINE
from mgi.tasks.segmentation.volume_figures import agreement_figure, size_figure
from mgi.tasks.segmentation.volumes import by_method, group_rows, shown_methods, site_groups, size_groups, volumes_of
from mgi.tasks.text import method_name

COLUMNS = {"true_voxels", "predicted_voxels"}
FIGURES = ("differences", "sizes", "agreement")


@dataclass(frozen=True)
class Breakdown:
    """Figures by name, and what the template prints beside them."""

    figures: dict[str, str | None]
    content: dict[str, Any]


def breakdown(given: ReportInput) -> Breakdown:
    """The figures and tables of MGI and the strongest other network; those that the patients are too few for are None.

    Tables of patients without volumes have none of them.
    """
    patients, simulated = given.patients, given.simulated
    if patients.empty or not set(patients.columns) >= COLUMNS:
        return Breakdown(dict.fromkeys(FIGURES), {"by_size": [], "by_site": [], "shown": [], "unit": ""})
    methods = shown_methods(patients, given.headline)
    scores = by_method(patients, methods, given.headline)
    volumes = {method: volumes_of(patients, method, given.voxel_ml) for method in methods}
    tables, unit = {method: table for method, (table, _) in volumes.items()}, volumes[methods[0]][1]
    true = tables[methods[0]]["true"]
    differences = {}
    if methods[0] == REFERENCE:
        for rival in methods[1:]:
            differences[f"MGI minus {method_name(rival)}"] = scores[REFERENCE] - scores[rival]
        own, other = (values_of(patients, REFERENCE, one, given.headline) for one in (OWN, PERMUTED))
        differences["Own minus another's genes"] = own - other
    label = "Dice" if given.headline == HEADLINE else given.headline
    thirds = size_groups(true)
    rows = group_rows(thirds, scores)
    for row in rows:
        row |= {"low": true[thirds[row["name"]]].min(), "high": true[thirds[row["name"]]].max()}
    figures = {
        "differences": differences_figure(differences, f"Difference in {label}", simulated=simulated),
        "sizes": size_figure(true, scores, label, unit, simulated=simulated),
        "agreement": agreement_figure(tables, unit, simulated=simulated),
    }
    sites = site_groups([str(patient) for patient in true.index], given.sites)
    content = {"by_size": rows, "by_site": group_rows(sites, scores), "shown": methods, "unit": unit}
    return Breakdown(figures, content)
