"""How each task's predictions are scored; knows no torch."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import pandas as pd

from mgi.core.run import Run
from mgi.tasks import registry
from mgi.tasks.segmentation import scoring as segmentation


class Scoring(Protocol):
    """What a prediction is worth."""

    @property
    def definitions(self) -> Sequence[str]:
        """Every score and count of a patient, the columns of the table of patients."""

    @property
    def headlines(self) -> Sequence[str]:
        """Those that may be tested and audited; higher is better."""

    def score(self, predictions: Path, image_shard: Path, run: Run) -> Iterator[tuple[str, str, Mapping[str, float]]]:
        """Patient, expression input and scores by definition, of every prediction in the file."""

    def summarise(self, patients: pd.DataFrame, draws: int, seed: int) -> list[dict[str, object]]:
        """Rows of the table of results for the patients of one method and expression input, one a definition."""


BUILT_IN: dict[str, Scoring] = {"segmentation": segmentation}


def scoring_of(task: str) -> Scoring:
    """This part of a task."""
    return BUILT_IN.get(task) or registry.added(task).scoring()


def headline_of(scoring: Scoring, wanted: str) -> str:
    """The score that is tested and audited: the configured one where the task has it, else the task's first."""
    return wanted if wanted in scoring.headlines else scoring.headlines[0]
