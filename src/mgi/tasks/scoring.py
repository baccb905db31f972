"""How each task's predictions are scored; knows no torch."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import pandas as pd

from mgi.core.run import DEFAULT_TASK, Run
from mgi.evaluation.cohort_scores import Statistic
from mgi.tasks import registry
from mgi.tasks.classification import scoring as classification
from mgi.tasks.patient_labels import LabelledPatients
from mgi.tasks.segmentation import scoring as segmentation
from mgi.tasks.survival import scoring as survival


class Scored(Protocol):
    """What scores there are of a prediction, and how they are summed up."""

    @property
    def definitions(self) -> Sequence[str]:
        """Every score and count of a patient, the columns of the table of patients."""

    @property
    def headlines(self) -> Sequence[str]:
        """Those that may be tested and audited; higher is better."""

    def summarise(self, patients: pd.DataFrame, draws: int, seed: int) -> list[dict[str, object]]:
        """Rows of the table of results for the patients of one method and expression input, one a definition."""


class Scoring(Scored, Protocol):
    """What a prediction is worth."""

    def score(self, predictions: Path, image_shard: Path, run: Run) -> Iterator[tuple[str, str, Mapping[str, float]]]:
        """Patient, expression input and scores by definition, of every prediction in the file."""


@runtime_checkable
class OfCohort(Protocol):
    """What a task has too whose scores no patient has alone, such as an AUC.

    Its `score` yields what those are made of, by names of its own; `definitions` and `headlines` are the cohort's, and
    `summarise` is given a row for each test of a patient (`mgi.evaluation.patient_scores.per_test`).
    """

    def statistics(self, rows: pd.DataFrame) -> Mapping[str, Statistic]:
        """The scores by definition of patients who were tested once each."""


class LabelledScoring(Scored, Protocol):
    """What a prediction is worth by the cohort's labels."""

    def score(
        self, predictions: Path, run: Run, labels: LabelledPatients
    ) -> Iterator[tuple[str, str, Mapping[str, float]]]:
        """As that of `Scoring`."""


LABELLED: dict[str, LabelledScoring] = {"classification": classification, "survival": survival}
BUILT_IN: dict[str, Scored] = {"segmentation": segmentation, **LABELLED}


def scoring_of(task: str) -> Scored:
    """This part of a task."""
    return BUILT_IN.get(task) or registry.added(task).scoring()


def scores_in(
    predictions: Path, image_shard: Path, run: Run, labels: LabelledPatients | None
) -> Iterator[tuple[str, str, Mapping[str, float]]]:
    """Patient, expression input and scores by definition, of every prediction in the file; `labels` where needed."""
    if labels is not None:
        return LABELLED[run.task].score(predictions, run, labels)
    scoring: Scoring = segmentation if run.task == DEFAULT_TASK else registry.added(run.task).scoring()
    return scoring.score(predictions, image_shard, run)


def headline_of(scoring: Scored, wanted: str) -> str:
    """The score that is tested and audited: the configured one where the task has it, else the task's first."""
    return wanted if wanted in scoring.headlines else scoring.headlines[0]
