"""Everything that the report is made from, as values."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mgi.core.errors import BadInputError
from mgi.core.mending import mend_of
from mgi.core.run import PERMUTED_PAIRS, run_of
from mgi.core.run_files import RECORD, require_recorded
from mgi.tasks.report_parts import Section
from mgi.tasks.reporting import Reporting

PERMUTED = ("permuted_modality", "permuted_tiles")
"""Settings of a pre-training whose pairs are none."""


@dataclass(frozen=True)
class RunCurve:
    """The log of one run; `method` is None for pre-training.

    `is_null`: the pre-training was given pairs that are none, as a control, and should learn nothing.
    """

    run: str
    method: str | None
    points: pd.DataFrame
    is_null: bool = False

    def by_step(self, field: str) -> pd.Series:
        """A logged field by optimiser step; empty where it was not logged."""
        if not {"step", field} <= set(self.points.columns):
            return pd.Series(dtype="float64")
        return self.points[["step", field]].dropna().astype("float64").set_index("step")[field]


def read_curve(path: Path | str, methods: Mapping[str, str]) -> RunCurve:
    """Read a log of one JSON object a line; the run's name is the folder's.

    `methods` gives the method of each run that predicts. Raises BadInputError naming a line that is not JSON, and what
    `require_recorded` does.
    """
    run, beside = Path(path).parent.name, Path(path).with_name(RECORD)
    record = require_recorded(Path(path))
    described = run_of(record, str(beside))
    if (found := described.key) != run:
        raise BadInputError(f"{beside}: run: found {found}, expected {run} as its folder; {mend_of(path)}")
    lines = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise BadInputError(f"{path}: line {number} is not JSON ({error})") from None
    settings = record.get("settings") or {}
    is_null = described.control == PERMUTED_PAIRS or any(settings.get(key) for key in PERMUTED)
    return RunCurve(run, methods.get(run), pd.DataFrame(lines), is_null)


def folds_run(config: Mapping[str, Any], split: pd.DataFrame) -> list[int]:
    """The folds that the config asks for; all of the split where it does not say."""
    folds = sorted({int(fold) for fold in split["fold"]})
    return [fold for fold in folds if fold in config.get("runs", {}).get("folds", folds)]


@dataclass(frozen=True)
class Results:
    """Tables as their commands wrote them; `slices` counts per patient, `genes` is None where no list was given.

    `locks` and `lock_digests` (SHA-256 of the files) are by modality; `section` is the task's part of the report,
    `reporting` its wording, `analyses` the further parts by name. `commit` (None outside of git) and `machine` are
    those of the report: jobs may have run on others.
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
    analyses: Mapping[str, Section]
    slices: Mapping[str, int]
    genes: int | None
    curves: Sequence[RunCurve]
    costs: Sequence[Mapping[str, Any]]
    versions: Mapping[str, str]
    commit: str | None
    machine: str
    config: Mapping[str, Any]
    presence: Section | None = None
    """Who has which modality, where there are enough to say so."""
    image_unit: str = "slices"
    """What `slices` counts."""

    @property
    def score_text(self) -> str:
        """What a score of several patients is."""
        return self.reporting.score_name if self.section.of_cohort else f"mean {self.reporting.score_name}"

    @property
    def simulated(self) -> bool:
        """Whether any source says that its data are simulated."""
        return any(bool(lock["simulated"]) for lock in self.locks.values())

    @property
    def flow(self) -> dict[str, Any]:
        """Patient counts from the archives to the test, `train` and `validation` as means over folds run, rounded.

        `found` is by modality; reasons that end in details after a colon are counted together.
        """
        kept = self.cohort[self.cohort["status"] == "kept"]
        dropped = self.cohort.loc[self.cohort["status"] == "dropped", "reason"]
        reasons = Counter(str(reason).split(":")[0] for reason in dropped)
        run = folds_run(self.config, self.split)
        in_runs = self.split[self.split["fold"].isin(run)]
        roles = in_runs.groupby(["fold", "role"])["patient_id"].nunique().unstack("role", fill_value=0)
        means = {role: round(float(roles[role].mean())) if role in roles else 0 for role in ("train", "validation")}
        return {
            "found": {kind: len({item["patient_id"] for item in lock["items"]}) for kind, lock in self.locks.items()},
            **means,
            "known": len(self.cohort),
            "patients": len(kept),
            "dropped": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
            "slices": sum(self.slices.get(patient, 0) for patient in kept["patient_id"]),
            "tested": self.patients["patient_id"].nunique(),
            "folds": self.split["fold"].nunique(),
            "folds_tested": len(run),
            "sites": int(kept["site"].nunique()),
        }
