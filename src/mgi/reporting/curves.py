"""What a run logged while it trained."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from mgi.core.errors import BadInputError


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

    `methods` gives the method of each run that predicts. Raises BadInputError naming a line that is not JSON.
    """
    lines = []
    for number, line in enumerate(Path(path).read_text(encoding="utf-8").splitlines(), start=1):
        try:
            lines.append(json.loads(line))
        except json.JSONDecodeError as error:
            raise BadInputError(f"{path}: line {number} is not JSON ({error})") from None
    run = Path(path).parent.name
    return RunCurve(run, methods.get(run), pd.DataFrame(lines))
