"""Who was found, who was paired, who was dropped and why, who was tested."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pandas as pd


def cohort_flow(
    cohort: pd.DataFrame,
    split: pd.DataFrame,
    locks: Mapping[str, Mapping[str, Any]],
    slices: Mapping[str, int],
    tested: int,
) -> dict[str, Any]:
    """Patient counts from the archives to the test, `train` and `validation` as means over folds, rounded.

    `found` is by modality, as `locks` are; `slices` holds the number of slices per patient; reasons that end in details
    after a colon are counted together.
    """
    kept = cohort[cohort["status"] == "kept"]
    reasons = Counter(str(reason).split(":")[0] for reason in cohort.loc[cohort["status"] == "dropped", "reason"])
    roles = split.groupby(["fold", "role"])["patient_id"].nunique().unstack("role", fill_value=0)
    means = {role: round(float(roles[role].mean())) if role in roles else 0 for role in ("train", "validation")}
    return {
        "found": {kind: len({item["patient_id"] for item in lock["items"]}) for kind, lock in locks.items()},
        **means,
        "known": len(cohort),
        "patients": len(kept),
        "dropped": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        "slices": sum(slices.get(patient, 0) for patient in kept["patient_id"]),
        "tested": tested,
        "folds": len(roles),
        "sites": int(kept["site"].nunique()),
    }
