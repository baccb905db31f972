"""Phenotypes, features and covariates of the patients who have them all, in one order."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgi.association.design import Design, design_of
from mgi.association.patient_table import About, FeatureTable, PatientTable
from mgi.association.scan import CONSTANT, Columns, LeftOut
from mgi.core.errors import BadInputError


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """What a scan takes, and what it does not get."""

    patients: tuple[str, ...]
    phenotypes: Columns
    features: Columns
    about: dict[str, About]
    design: Design
    left_out: tuple[LeftOut, ...]


def gather(
    phenotypes: PatientTable, features: FeatureTable, covariates: PatientTable | None, categorical: Collection[str] = ()
) -> Inputs:
    """Match three tables by patient. A patient without a phenotype or covariate is left out, so is a feature without a
    value in any patient who is left.

    Covariates are categories where they are texts, or `categorical` names them. Raises BadInputError where no patient
    is in all tables, or has all values; and for a phenotype that is not numeric.
    """
    measured = {name: phenotypes.numbers(name) for name in phenotypes.cells}
    owners = {"phenotypes": phenotypes.patients, "features": features.patients}
    if covariates is not None:
        owners["covariates"] = covariates.patients
    rows = {what: {patient: row for row, patient in enumerate(own)} for what, own in owners.items()}
    reasons = _reasons(rows, phenotypes, covariates, measured)
    patients = tuple(patient for patient, reason in reasons.items() if reason is None)
    if not patients:
        raise BadInputError(_nobody(rows, reasons))
    at = {what: [own[patient] for patient in patients] for what, own in rows.items()}
    values = features.values[at["features"]]
    absent = np.isnan(values).sum(axis=0)
    whole = np.flatnonzero(absent == 0)
    left_out = [("patient", patient, reason) for patient, reason in reasons.items() if reason is not None]
    left_out += [
        ("feature", features.names[column], f"missing in {absent[column]} of {len(patients)} patients")
        for column in np.flatnonzero(absent)
    ]
    given = _covariates(covariates, at.get("covariates", []), categorical)
    design = design_of(given, len(patients))
    constant = {name for name, found in given.items() if len(set(found)) == 1}
    left_out += [
        ("covariate", name, CONSTANT if name in constant else "those before it add up to it")
        for name in design.redundant
    ]
    return Inputs(
        patients=patients,
        phenotypes=Columns(names=tuple(measured), values=np.stack(list(measured.values()), axis=1)[at["phenotypes"]]),
        features=Columns(
            names=tuple(features.names[column] for column in whole),
            values=values if len(whole) == values.shape[1] else values[:, whole],
        ),
        about=dict(zip(features.names, features.about, strict=True)),
        design=design,
        left_out=tuple(left_out),
    )


def _reasons(
    rows: dict[str, dict[str, int]],
    phenotypes: PatientTable,
    covariates: PatientTable | None,
    measured: dict[str, NDArray[np.float64]],
) -> dict[str, str | None]:
    """Why each patient of any table is left out, None where not; sorted by patient."""
    reasons: dict[str, str | None] = {}
    for patient in sorted(set().union(*rows.values())):
        absent = [f"not in the table of {what}" for what, own in rows.items() if patient not in own]
        if not absent:
            absent = [
                f"phenotype {name} is missing"
                for name, values in measured.items()
                if np.isnan(values[rows["phenotypes"][patient]])
            ]
            absent += [
                f"covariate {name} is missing"
                for name, cells in (covariates.cells if covariates else {}).items()
                if not cells[rows["covariates"][patient]]
            ]
        reasons[patient] = ", ".join(absent) or None
    return reasons


def _covariates(
    table: PatientTable | None, rows: Sequence[int], categorical: Collection[str]
) -> dict[str, list[str] | NDArray[np.float64]]:
    if table is None:
        return {}
    found: dict[str, list[str] | NDArray[np.float64]] = {}
    for name, cells in table.cells.items():
        numeric = name not in categorical and table.is_numeric(name)
        found[name] = table.numbers(name)[rows] if numeric else [cells[row] for row in rows]
    return found


def _nobody(rows: dict[str, dict[str, int]], reasons: dict[str, str | None]) -> str:
    """Say of no patient why, and what ids look like where that may be it."""
    ids = "; ".join(f"{what}: {len(own)}, such as {next(iter(own), 'none')}" for what, own in rows.items())
    matched = [reason for reason in reasons.values() if reason is not None and not reason.startswith("not in")]
    if not matched:
        return f"association: no patient is in all tables ({ids}), expected the same ids"
    return f"association: none of {len(matched)} patients in all tables has every value, such as: {matched[0]}"
