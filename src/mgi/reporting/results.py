"""Everything that the report is made from, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mgi.evaluation.patient_scores import as_trained
from mgi.reporting.cohort_flow import cohort_flow
from mgi.reporting.curves import RunCurve
from mgi.tasks.report_parts import Section
from mgi.tasks.reporting import Reporting


@dataclass(frozen=True)
class Results:
    """Tables as their commands wrote them; `slices` counts per patient, `genes` is None where no list was given.

    `locks` and `lock_digests` (SHA-256 of the files) are by modality; `section` is the task's part of the report,
    `reporting` its wording. `commit` (None outside of git) and `machine` are those of the report: jobs may have run on
    others.
    """

    cohort: pd.DataFrame
    split: pd.DataFrame
    locks: Mapping[str, Mapping[str, Any]]
    lock_digests: Mapping[str, str]
    results: pd.DataFrame
    no_genes: pd.DataFrame
    tests: pd.DataFrame
    audit: pd.DataFrame
    patients: pd.DataFrame
    headline: str
    reporting: Reporting
    section: Section
    slices: Mapping[str, int]
    genes: int | None
    curves: Sequence[RunCurve]
    costs: Sequence[Mapping[str, Any]]
    versions: Mapping[str, str]
    commit: str | None
    machine: str
    config: Mapping[str, Any]

    @property
    def simulated(self) -> bool:
        """Whether any source says that its data are simulated."""
        return any(bool(lock["simulated"]) for lock in self.locks.values())

    @property
    def draws(self) -> int:
        """Resamplings of patients behind each interval."""
        return int(self.config.get("evaluation", {}).get("bootstrap_draws", 10_000))

    @property
    def tested(self) -> int:
        """Patients with at least one score."""
        return int(self.patients["patient_id"].nunique())

    @property
    def flow(self) -> dict[str, Any]:
        """Patient counts at each step."""
        return cohort_flow(self.cohort, self.split, self.locks, self.slices, self.tested)

    @property
    def compared(self) -> pd.DataFrame:
        """Results of each method with the input that it was trained with."""
        return as_trained(self.results)
