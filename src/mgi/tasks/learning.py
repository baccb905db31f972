"""How each task is learned and predicted; needs torch."""

import inspect
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.run import Run
from mgi.models.gene_tokens import Members
from mgi.models.settings import ModelSettings
from mgi.tasks import registry
from mgi.tasks.classification import learning as classification
from mgi.tasks.expression_inputs import ExpressionInput
from mgi.tasks.patient_labels import LabelledPatients
from mgi.tasks.patient_learning import PatientLearning
from mgi.tasks.segmentation import learning as segmentation
from mgi.tasks.survival import learning as survival
from mgi.training.distributed import Group
from mgi.training.finetune import GeneCache, TrainingParts
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings
from mgi.training.weights import Weights

Prediction = Any  # of one patient, as the task's writer takes it


class PredictionWriter(Protocol):
    """An open prediction file."""

    def add(self, patient_id: str, expression_input: str, donor: str | None, prediction: Prediction) -> None:
        """Append one patient's prediction; `donor` is the patient whose expression was used."""


class Learning(TrainingParts, Protocol):
    """The network with its head, what trains it, and how its predictions are stored. Needs torch."""

    def build(self, method: str, settings: ModelSettings, n_genes: int, gene_sets: Members | None = None) -> nn.Module:
        """The network of a method with fresh weights, under the signature of MGI."""

    def predict(
        self, model: nn.Module, pairs: Pairs, given: ExpressionInput, settings: PredictSettings, cache: GeneCache | None
    ) -> Iterator[tuple[str, Prediction]]:
        """Each patient's prediction with one expression input."""

    def prediction_writer(self, path: Path, run: Run) -> AbstractContextManager[PredictionWriter]:
        """Open the prediction file of a run."""


BUILT_IN: dict[str, Learning] = {"segmentation": segmentation}


class LabelledParts(Protocol):
    """A task of labels, before it is known what its outputs mean."""

    def from_labels(self, run: Run, settings: str, patients: LabelledPatients) -> PatientLearning:
        """The task as a run learns it; `settings` are the task's section as JSON."""

    def from_head(self, run: Run, head: Mapping[str, Any], where: str) -> PatientLearning:
        """The task as trained weights, read from `where`, predict it."""


LABELLED: dict[str, LabelledParts] = {"classification": classification, "survival": survival}


def learning_of(task: str) -> Learning:
    """This part of a task that reads no labels."""
    return BUILT_IN.get(task) or registry.added(task).learning()


def predicting(weights: Weights, where: Path) -> Learning:
    """How weights predict, read from `where`. Raises BadInputError where they do not say what their outputs mean."""
    run = weights.run
    if not registry.reads_labels(run.task):
        return learning_of(run.task)
    if weights.head is None:
        raise BadInputError(f"{where}: head: missing, expected what the outputs mean; train {run.key} again")
    return LABELLED[run.task].from_head(run, weights.head, str(where))


def require_shared(learning: Learning, group: Group, task: str) -> None:
    """Raise ConfigError for several processes where the task's drawer or loss takes no group of them."""
    parts = (learning.make_drawer, learning.loss)
    if group.size > 1 and not all("group" in inspect.signature(part).parameters for part in parts):
        raise ConfigError(
            f"finetune.processes: started as {group.size}, expected 1: make_drawer and loss of task '{task}' take no "
            "group of processes"
        )
