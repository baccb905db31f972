"""Who was found, who was paired, who was dropped and why, who was tested."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd


@dataclass(frozen=True)
class CohortFlow:
    """Patient counts from the archives to the test.

    `found` is by modality; `train` and `validation` are means over folds, rounded.
    """

    found: dict[str, int]
    known: int
    patients: int
    dropped: dict[str, int]
    slices: int
    tested: int
    train: int
    validation: int
    folds: int
    sites: int


def cohort_flow(
    cohort: pd.DataFrame,
    split: pd.DataFrame,
    locks: Mapping[str, Mapping[str, Any]],
    slices: Mapping[str, int],
    tested: int,
) -> CohortFlow:
    """Count patients at each step.

    `locks` holds the locks by modality; `slices` the number of slices per patient; reasons that
    end in details after a colon are counted together.
    """
    kept = cohort[cohort["status"] == "kept"]
    reasons = Counter(str(reason).split(":")[0] for reason in cohort.loc[cohort["status"] == "dropped", "reason"])
    roles = split.groupby(["fold", "role"])["patient_id"].nunique().unstack("role", fill_value=0)
    return CohortFlow(
        found={modality: _patients_in(lock) for modality, lock in locks.items()},
        known=len(cohort),
        patients=len(kept),
        dropped=dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        slices=sum(slices.get(patient, 0) for patient in kept["patient_id"]),
        tested=tested,
        train=_mean_role(roles, "train"),
        validation=_mean_role(roles, "validation"),
        folds=len(roles),
        sites=int(kept["site"].nunique()),
    )


def _patients_in(lock: Mapping[str, Any]) -> int:
    return len({item["patient_id"] for item in lock["items"]})


def _mean_role(roles: pd.DataFrame, role: str) -> int:
    return round(float(roles[role].mean())) if role in roles.columns else 0
