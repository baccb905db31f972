"""Everything that the report is made from, as values."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import read_json
from mgi.core.mending import mend_of
from mgi.core.run import FILES, run_of
from mgi.tasks.report_parts import Section
from mgi.tasks.reporting import Reporting


@dataclass(frozen=True)
class RunCurve:
    """The log of one run; `method` is None for pre-training."""

    run: str
    method: str | None
    points: pd.DataFrame

    def by_step(self, field: str) -> pd.Series:
        """A logged field by optimiser step; empty where it was not logged."""
        if not {"step", field} <= set(self.points.columns):
            return pd.Series(dtype="float64")
        return self.points[["step", field]].dropna().astype("float64").set_index("step")[field]


def read_curve(path: Path | str, methods: Mapping[str, str]) -> RunCurve:
    """Read a log of one JSON object a line; the run's name is the folder's.

    `methods` gives the method of each run that predicts. Raises BadInputError naming a line that is not JSON, and what
    `_recorded_text` does.
    """
    lines = []
    for number, line in enumerate(_recorded_text(Path(path)).splitlines(), start=1):
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise BadInputError(f"{path}: line {number} is not JSON ({error})") from None
    run = Path(path).parent.name
    return RunCurve(run, methods.get(run), pd.DataFrame(lines))


def _recorded_text(path: Path) -> str:
    """The log, which must be the one that run.json beside it describes, in the folder of that run.

    Raises BadInputError where run.json is missing or of another run, IntegrityError where the log is another.
    """
    beside = path.with_name("run.json")
    record, mend = read_json(beside), mend_of(path)
    if (run := run_of(record, str(beside))).key != path.parent.name:
        raise BadInputError(f"{beside}: run: found {run.key}, expected {path.parent.name} as its folder; {mend}")
    content = path.read_bytes()
    found, files = hashlib.sha256(content).hexdigest(), record.get(FILES)
    expected = files.get(path.name) if isinstance(files, dict) else None
    if found != expected:
        raise IntegrityError(
            f"{path}: damaged or edited: sha256 {found}, expected {expected} as in {beside.name}; {mend}"
        )
    return content.decode()


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
    def flow(self) -> dict[str, Any]:
        """Patient counts from the archives to the test, `train` and `validation` as means over folds, rounded.

        `found` is by modality; reasons that end in details after a colon are counted together.
        """
        kept = self.cohort[self.cohort["status"] == "kept"]
        dropped = self.cohort.loc[self.cohort["status"] == "dropped", "reason"]
        reasons = Counter(str(reason).split(":")[0] for reason in dropped)
        roles = self.split.groupby(["fold", "role"])["patient_id"].nunique().unstack("role", fill_value=0)
        means = {role: round(float(roles[role].mean())) if role in roles else 0 for role in ("train", "validation")}
        return {
            "found": {kind: len({item["patient_id"] for item in lock["items"]}) for kind, lock in self.locks.items()},
            **means,
            "known": len(self.cohort),
            "patients": len(kept),
            "dropped": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
            "slices": sum(self.slices.get(patient, 0) for patient in kept["patient_id"]),
            "tested": self.patients["patient_id"].nunique(),
            "folds": len(roles),
            "sites": int(kept["site"].nunique()),
        }
