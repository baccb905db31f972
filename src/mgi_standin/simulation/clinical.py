"""Labels of simulated patients: classes that follow the subtype, and survival that follows a known hazard.

The hazard of death is constant in time (an exponential distribution), per day

    BASE_HAZARD * exp(SUBTYPE_EFFECT + SIZE_EFFECT * size + AGE_EFFECT * (age - MEAN_AGE))

with the factor `size` of the lesion. Who is last seen when says nothing of the hazard.
"""

import math
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from mgi_standin.simulation.cohort import SimulatedPatient
from mgi_standin.simulation.gdc_listing import PROJECT
from mgi_standin.simulation.identifiers import CLINICAL_STREAM, stream_of, uuid_of
from mgi_standin.simulation.settings import SimulationSettings

BASE_HAZARD = 1 / 3000
SUBTYPE_EFFECT = {"IDHmut-codel": -0.7, "IDHmut-non-codel": 0.0, "IDHwt": 1.3}
SIZE_EFFECT, AGE_EFFECT, MEAN_AGE = 0.5, 0.02, 45.0
SUBTYPE_AGE = {"IDHmut-codel": 46.0, "IDHmut-non-codel": 39.0, "IDHwt": 54.0}
AGE_SD, YOUNGEST, OLDEST = 10.0, 18.0, 85.0
GRADE_3_SHARE = {"IDHmut-codel": 0.4, "IDHmut-non-codel": 0.5, "IDHwt": 0.8}
FIRST_CENSORED, LAST_CENSORED = 100.0, 3000.0
DAYS_PER_YEAR = 365.25

Quirk = Literal["no demographic", "no follow-up", "not reported", "negative follow-up", "dead, no day", "no grade"]
# Cases as the real archive has them now and then; a small cohort gets the head of the list.
QUIRKS: tuple[Quirk, ...] = (
    "no grade", "no demographic", "not reported", "negative follow-up", "no follow-up", "dead, no day", "no grade"
)  # fmt: skip
SMALLEST_COHORT_PER_QUIRK = 6
TABLE = ("case", "IDH status", "1p/19q", "subtype", "grade", "age", "sex", "OS days", "vital status", "simulated")


@dataclass(frozen=True, kw_only=True)
class Clinical:
    """What is true of one patient; `days` to death, or to the last contact of one who is alive, and above 0."""

    patient_id: str
    subtype: str
    grade: str
    sex: str
    age_days: int
    days: int
    dead: bool
    quirk: Quirk | None = None


def draw_clinical(patients: list[SimulatedPatient], settings: SimulationSettings) -> list[Clinical]:
    """Labels of all patients, in their order; each is drawn from a stream of its own, the quirks are dealt out."""
    drawn = [_draw(patient, settings) for patient in patients]
    order = stream_of(settings, CLINICAL_STREAM).permutation(len(drawn))
    for place, quirk in zip(order[: len(drawn) // SMALLEST_COHORT_PER_QUIRK], QUIRKS, strict=False):
        drawn[place] = replace(drawn[place], quirk=quirk)
    return drawn


def log_hazard_ratio(subtype: str, size: float, age: float) -> float:
    """The logarithm of a patient's hazard over BASE_HAZARD."""
    return SUBTYPE_EFFECT[subtype] + SIZE_EFFECT * size + AGE_EFFECT * (age - MEAN_AGE)


def _draw(patient: SimulatedPatient, settings: SimulationSettings) -> Clinical:
    rng = stream_of(settings, CLINICAL_STREAM, patient.patient_id)
    age = float(np.clip(rng.normal(SUBTYPE_AGE[patient.subtype], AGE_SD), YOUNGEST, OLDEST))
    hazard = BASE_HAZARD * math.exp(log_hazard_ratio(patient.subtype, patient.factors["size"], age))
    death, censored = float(rng.exponential(1 / hazard)), float(rng.uniform(FIRST_CENSORED, LAST_CENSORED))
    return Clinical(
        patient_id=patient.patient_id,
        subtype=patient.subtype,
        grade="G3" if rng.random() < GRADE_3_SHARE[patient.subtype] else "G2",
        sex=str(rng.choice(("female", "male"))),
        age_days=round(age * DAYS_PER_YEAR),
        days=max(1, round(min(death, censored))),
        dead=death <= censored,
    )


def case_hit(one: Clinical, key: str) -> dict[str, Any]:
    """One hit of /cases with all groups expanded."""
    case_id, quirk = uuid_of(key, one.patient_id), one.quirk
    status, death = ("Dead", one.days) if one.dead else ("Alive", None)
    if quirk == "dead, no day":
        status, death = "Dead", None
    if quirk == "not reported":
        status, death = "Not Reported", None
    hit = {
        "id": case_id,
        "case_id": case_id,
        "submitter_id": one.patient_id,
        "disease_type": "Gliomas",
        "primary_site": "Brain",
        "project": {"project_id": PROJECT, "name": "Brain Lower Grade Glioma", "program": {"name": "TCGA"}},
        "demographic": {
            "demographic_id": uuid_of(key, one.patient_id, "demographic"),
            "vital_status": status,
            "days_to_death": death,
            "sex_at_birth": "not reported" if quirk == "not reported" else one.sex,
            "days_to_birth": -one.age_days,
        },
        "diagnoses": [_diagnosis(one, key)],
        "follow_ups": _follow_ups(one, key),
    }
    if quirk == "no demographic":
        del hit["demographic"]
    return hit


def _diagnosis(one: Clinical, key: str) -> dict[str, Any]:
    last = None if one.dead else one.days // 2  # the index is older than the last follow-up
    if one.quirk == "negative follow-up":
        last = -1
    return {
        "diagnosis_id": uuid_of(key, one.patient_id, "diagnosis"),
        "primary_diagnosis": "Oligodendroglioma, NOS" if one.subtype == "IDHmut-codel" else "Astrocytoma, NOS",
        "diagnosis_is_primary_disease": True,
        "tumor_grade": {"no grade": "Not Reported", "no follow-up": None}.get(one.quirk or "", one.grade),
        "age_at_diagnosis": one.age_days,
        "days_to_last_follow_up": last,
    }


def _follow_ups(one: Clinical, key: str) -> list[dict[str, Any]] | None:
    """The last day first, then earlier ones, and one without a day; nobody sorted them."""
    if one.dead or one.quirk in ("no follow-up", "negative follow-up"):
        return None
    days = (one.days, one.days // 3, None, one.days // 2)
    return [
        {"follow_up_id": uuid_of(key, one.patient_id, f"follow-up {number}"), "days_to_follow_up": day}
        for number, day in enumerate(days)
    ]


def table_row(one: Clinical) -> tuple[str, ...]:
    """The patient's line of a table as a user may have it, with the molecular classes that /cases has not."""
    idh, codel = ("WT" if one.subtype == "IDHwt" else "Mutant"), one.subtype.removeprefix("IDHmut-")
    return (
        f"{one.patient_id}-01", idh, "codel" if codel == "codel" else "non-codel", one.subtype,
        "[Not Available]" if one.quirk == "no grade" else one.grade, f"{one.age_days / DAYS_PER_YEAR:.1f}", one.sex,
        str(one.days), "Dead" if one.dead else "Alive", "true",
    )  # fmt: skip
