"""How each task is learned and predicted; needs torch."""

import inspect
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from torch import nn

from mgi.core.errors import ConfigError
from mgi.core.run import Run
from mgi.models.gene_tokens import Members
from mgi.models.settings import ModelSettings
from mgi.tasks import registry
from mgi.tasks.expression_inputs import ExpressionInput
from mgi.tasks.segmentation import learning as segmentation
from mgi.training.distributed import Group
from mgi.training.finetune import GeneCache, TrainingParts
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings

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


def learning_of(task: str) -> Learning:
    """This part of a task."""
    return BUILT_IN.get(task) or registry.added(task).learning()


def require_shared(learning: Learning, group: Group, task: str) -> None:
    """Raise ConfigError for several processes where the task's drawer or loss takes no group of them."""
    parts = (learning.make_drawer, learning.loss)
    if group.size > 1 and not all("group" in inspect.signature(part).parameters for part in parts):
        raise ConfigError(
            f"finetune.processes: started as {group.size}, expected 1: make_drawer and loss of task '{task}' take no "
            "group of processes"
        )
