"""Everything that the report is made from, as values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from mgi.reporting.cohort_flow import CohortFlow, cohort_flow
from mgi.reporting.curves import RunCurve
from mgi.reporting.overlays import OverlayCase
from mgi.reporting.provenance import RuleCost
from mgi.tasks.segmentation.patient_scores import own_genes, without_expression


@dataclass(frozen=True)
class Results:
    """Tables as their commands wrote them; `slices` counts per patient.

    `commit` and `machine` are those of the report: jobs may have run on others; `commit` is None outside of git.

    `genes` is None where no gene list was given, `paper_like` where no run was split by slice.

    `locks` and `lock_digests` (SHA-256 of the files) are by kind, `expression` and `images`.
    """

    cohort: pd.DataFrame
    split: pd.DataFrame
    locks: Mapping[str, Mapping[str, Any]]
    lock_digests: Mapping[str, str]
    dice: pd.DataFrame
    dice_all: pd.DataFrame
    tests: pd.DataFrame
    audit: pd.DataFrame
    patients: pd.DataFrame
    paper_like: pd.DataFrame | None
    slices: Mapping[str, int]
    genes: int | None
    curves: Sequence[RunCurve]
    overlays: Sequence[OverlayCase]
    costs: Sequence[RuleCost]
    versions: Mapping[str, str]
    commit: str | None
    machine: str
    config: Mapping[str, Any]

    @property
    def simulated(self) -> bool:
        """Whether any source says that its data are simulated."""
        return any(bool(lock["simulated"]) for lock in self.locks.values())

    @property
    def headline(self) -> str:
        """The definition that was tested and audited."""
        return str(self.config.get("evaluation", {}).get("headline", "volume"))

    @property
    def draws(self) -> int:
        """Resamplings of patients behind each interval."""
        return int(self.config.get("evaluation", {}).get("bootstrap_draws", 10_000))

    @property
    def tested(self) -> int:
        """Patients with at least one score."""
        return int(self.patients["patient_id"].nunique())

    @property
    def without_expression(self) -> int:
        """Patients with an image and no expression, whom methods without genes segment."""
        return len(without_expression(self.split))

    @property
    def flow(self) -> CohortFlow:
        """Patient counts at each step."""
        return cohort_flow(self.cohort, self.split, self.locks, self.slices, self.tested)

    @property
    def compared(self) -> pd.DataFrame:
        """Dice rows of each method with the genes that it was made for."""
        return own_genes(self.dice)

    @property
    def empty_score(self) -> float:
        """What predicting nothing would score where empty against empty counts 1: the mean share of empty slices."""
        once = self.patients.drop_duplicates("patient_id")
        return float((1 - once["tumour_slices"] / once["slices"]).mean())
