import pandas as pd

from mgi.reporting.cohort_flow import cohort_flow


def test_every_patient_is_counted_where_it_stopped() -> None:
    cohort = pd.DataFrame(
        [
            ("A", "CS", "kept", None),
            ("B", "DU", "kept", None),
            ("C", "DU", "dropped", "no mask"),
            ("D", "DU", "dropped", "image rejected: 2 slices"),
            ("E", "DU", "dropped", "image rejected: no geometry"),
        ],
        columns=["patient_id", "site", "status", "reason"],
    )
    split = pd.DataFrame(
        [(0, "A", "train"), (0, "B", "test"), (1, "B", "train"), (1, "A", "test")],
        columns=["fold", "patient_id", "role"],
    )
    locks = {
        "rna": {"items": [{"patient_id": "A"}, {"patient_id": "A"}, {"patient_id": "B"}]},
        "flair": {"items": [{"patient_id": name} for name in "ABCDE"]},
    }
    flow = cohort_flow(cohort, split, locks, {"A": 10, "B": 12, "C": 99}, tested=2)
    assert flow == {
        "found": {"rna": 2, "flair": 5}, "known": 5, "patients": 2, "slices": 22, "tested": 2, "folds": 2,
        "sites": 2, "train": 1, "validation": 0, "dropped": {"image rejected": 2, "no mask": 1},
    }  # fmt: skip
