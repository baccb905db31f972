"""Tasks whose answer is of a whole patient, as they are learned and predicted: all but what the answer is.

U or P patients, K outputs. A task's `head` says what the outputs mean; it is stored with the weights.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from mgi.core.errors import BadInputError
from mgi.core.run import MULTIMODAL_METHOD, Run
from mgi.models.gene_tokens import Members
from mgi.models.patient_network import build_patient_network
from mgi.models.settings import ModelSettings
from mgi.tasks.expression_inputs import ExpressionInput
from mgi.tasks.patient_batches import PatientBatch, PatientDrawer
from mgi.tasks.patient_outputs import of_all_patients, of_patients, reading, with_others_image
from mgi.tasks.patient_predictions import PatientWriter, patient_writer
from mgi.tasks.patient_settings import PatientSettings
from mgi.training.finetune import GeneCache, Outputs, by_patient, forward, output_batches
from mgi.training.loop import Randomness
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings, PredictSettings

Outcome = float | Sequence[float]
"""Of one patient, as a head codes it."""


class Head(Protocol):
    """What a task's outputs mean, and how they are learned; an `outcome` (U, ...) is coded by the head."""

    @property
    def hidden(self) -> int:
        """Units of the hidden layer."""

    @property
    def n_outputs(self) -> int:
        """K."""

    @property
    def schema(self) -> pa.Schema:
        """Columns of the prediction file."""

    def chances(self, outcome: Tensor) -> NDArray[np.float64]:
        """How likely each patient is to be drawn (P,); 0 where the outcome is not known."""

    def loss(self, outputs: Tensor, outcome: Tensor) -> Tensor:
        """The loss of a batch of patients whose outcome is known, from outputs (U, K)."""

    def figures(self, outputs: Tensor, outcome: Tensor) -> dict[str, float]:
        """Figures of a validation; `score` decides, higher is better."""

    def fitted(self, training: tuple[Tensor, Tensor], validation: tuple[Tensor, Tensor]) -> "Head":
        """The head with what is fitted on a trained network's outputs and outcomes."""

    def answer(self, outputs: Tensor) -> dict[str, Any]:
        """One patient's prediction from its outputs (K,), by column of the prediction file."""

    def plain(self) -> dict[str, Any]:
        """The head as JSON knows it."""


@dataclass(frozen=True, kw_only=True)
class PatientLearning:
    """One run of such a task; `outcomes` are those of its training and validation patients, coded by the head.

    One that predicts has none.
    """

    run: Run
    head: Head
    settings: PatientSettings = field(default_factory=PatientSettings)
    outcomes: Mapping[str, Outcome] = field(default_factory=dict)
    unknown: Outcome = math.nan

    def build(self, method: str, settings: ModelSettings, n_genes: int, gene_sets: Members | None = None) -> nn.Module:
        """The network with fresh weights. Raises BadInputError for another method than MGI."""
        if method != MULTIMODAL_METHOD:
            raise BadInputError(f"method '{method}': expected {MULTIMODAL_METHOD}, which alone can do {self.run.task}")
        return build_patient_network(settings, n_genes, self.head.n_outputs, self.head.hidden, gene_sets)

    def learned_from(self, pairs: Pairs) -> Pairs:
        """Pairs with the outcome of each patient; without images where the run reads none."""
        coded = [self.outcomes.get(patient, self.unknown) for patient in pairs.slices.patient_ids]
        outcome = torch.tensor(coded, dtype=torch.float64)
        return replace(reading(pairs, self.run.images), outcome=outcome)

    def make_drawer(
        self, training: Pairs, settings: FinetuneSettings, randomness: Randomness, *, use_genes: bool, for_gpu: bool
    ) -> PatientDrawer:
        """Draws the patients of a step."""
        assert training.outcome is not None
        return PatientDrawer(
            training=training,
            settings=settings,
            randomness=randomness,
            chances=self.head.chances(training.outcome),
            slices=self.settings.slices,
            image_dropout=self.settings.image_dropout,
            use_genes=use_genes,
            use_image=self.run.reads_image,
            for_gpu=for_gpu,
        )

    def loss(self, model: nn.Module, batch: PatientBatch, cache: GeneCache | None) -> Tensor:
        """The loss of the batch's patients."""
        outputs = forward(model, batch.images, batch.genes, batch.patient, batch.has_genes, cache).float()
        return self.head.loss(of_patients(outputs, batch.patient, len(batch.genes)), batch.outcome)

    def validation(self, batches: Iterator[Outputs], pairs: Pairs) -> dict[str, float]:
        """Figures of the validation patients whose outcome is known."""
        assert pairs.outcome is not None
        return self.head.figures(*self._known(of_all_patients(batches, pairs), pairs.outcome))

    def fitted(self, model: nn.Module, training: Pairs, validation: Pairs) -> Head:
        """The head with what is fitted on the trained network; both as `learned_from` gives them."""
        outputs = []
        for pairs in (training, validation):
            has_genes = torch.full((len(pairs),), self.run.reads_genes)
            assert pairs.outcome is not None
            outputs.append(self._known(of_all_patients(output_batches(model, pairs, has_genes), pairs), pairs.outcome))
        return self.head.fitted(*outputs)

    def _known(self, outputs: Tensor, outcome: Tensor) -> tuple[Tensor, Tensor]:
        known = torch.from_numpy(self.head.chances(outcome) > 0)
        return outputs[known], outcome[known]

    def predict(
        self, model: nn.Module, pairs: Pairs, given: ExpressionInput, settings: PredictSettings, cache: GeneCache | None
    ) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each patient's prediction with one expression input; no label is there to be read."""
        pairs = replace(pairs, genes=given.genes, gene_rows=given.rows)
        pairs = reading(pairs, given.seen_of(self.run.images))
        if given.image_rows is not None:
            pairs = with_others_image(pairs, given.image or "", given.image_rows)
        for patient, outputs in by_patient(_batches(model, pairs, given, settings, cache), pairs.slices):
            joined = of_patients(outputs, torch.zeros(len(outputs), dtype=torch.int64), 1)
            yield pairs.slices.patient_ids[patient], self.head.answer(joined[0])

    def prediction_writer(self, path: Path, run: Run) -> AbstractContextManager[PatientWriter]:
        """Open the prediction file of the run."""
        return patient_writer(path, run, self.head.schema, self.head.plain())


def _batches(
    model: nn.Module, pairs: Pairs, given: ExpressionInput, settings: PredictSettings, cache: GeneCache | None
) -> Iterator[Outputs]:
    """Outputs of all slices; with `settings.tta_flip` the mean over the slice and its mirror image."""
    has_genes = torch.full((len(pairs),), given.use_genes)
    batches = output_batches(model, pairs, has_genes, settings.batch, cache)
    if not settings.tta_flip:
        yield from batches
        return
    mirrored = output_batches(model, pairs, has_genes, settings.batch, cache, change=lambda images: images.flip(-1))
    for (rows, outputs), (_, turned) in zip(batches, mirrored, strict=True):
        yield rows, (outputs + turned) / 2
