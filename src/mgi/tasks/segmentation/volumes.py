"""True and predicted tumour volumes of the tested patients, and scores in groups of patients."""

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from mgi.evaluation.cohort_tables import REFERENCE, strongest_rival
from mgi.evaluation.patient_scores import as_trained
from mgi.tasks.text import in_order

MILLILITRES, VOXELS = "mL", "voxels"
THIRDS = ("smallest third", "middle third", "largest third")


def shown_methods(patients: pd.DataFrame, definition: str) -> list[str]:
    """MGI and the strongest other network by the mean over patients; of several networks alone the two strongest."""
    means = as_trained(patients).groupby("method")[definition].mean()
    found = [REFERENCE] if REFERENCE in means else []
    while len(found) < 2 and (rival := strongest_rival({str(k): float(v) for k, v in means.items() if k not in found})):
        found.append(rival)
    return in_order(found)


def by_method(patients: pd.DataFrame, methods: Sequence[str], definition: str) -> dict[str, pd.Series]:
    """A score by patient of each method, as it was trained."""
    trained = as_trained(patients)
    return {one: trained[trained["method"] == one].set_index("patient_id")[definition] for one in methods}


def volumes_of(patients: pd.DataFrame, method: str, voxel_ml: Mapping[str, float]) -> tuple[pd.DataFrame, str]:
    """Columns `true` and `predicted` by patient, and their unit: mL where the images of all have a geometry."""
    trained = as_trained(patients)
    rows = trained[trained["method"] == method].set_index("patient_id")
    table = rows[["true_voxels", "predicted_voxels"]].set_axis(["true", "predicted"], axis=1).astype("float64")
    if not set(table.index) <= set(voxel_ml):
        return table, VOXELS
    return table.mul([voxel_ml[str(patient)] for patient in table.index], axis=0), MILLILITRES


def size_groups(true: pd.Series) -> dict[str, list[str]]:
    """The patients of each third by true volume; equal volumes go by name. None of fewer than six patients."""
    ordered = [str(patient) for patient in true.sort_index().sort_values(kind="stable").index]
    if len(ordered) < 6:
        return {}
    cuts = [round(len(ordered) * third / 3) for third in range(4)]
    return {name: ordered[cuts[i] : cuts[i + 1]] for i, name in enumerate(THIRDS)}


def site_groups(patients: Sequence[str], sites: Mapping[str, str]) -> dict[str, list[str]]:
    """The patients of each hospital, the largest first; none where all are of one, or it is not known."""
    groups: dict[str, list[str]] = {}
    for patient in sorted(patients):
        if patient in sites:
            groups.setdefault(sites[patient], []).append(patient)
    return dict(sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))) if len(groups) > 1 else {}


def group_rows(groups: Mapping[str, Sequence[str]], scores: Mapping[str, pd.Series]) -> list[dict[str, Any]]:
    """A row a group: `n` patients, and of each method the mean, least and greatest score of those that it tested."""
    rows = []
    for name, patients in groups.items():
        cells = {}
        for method, values in scores.items():
            here = values[values.index.isin(patients)].dropna()
            cells[method] = {"mean": here.mean(), "least": here.min(), "greatest": here.max()}
        rows.append({"name": name, "n": len(patients), "cells": cells})
    return rows
