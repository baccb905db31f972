"""Training for a task, the same loop, budget and selection for every method; the task brings loss and score.

Patients' genes are encoded once while the gene encoder does not learn.
"""

from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mgi.models.mgi import MGI
from mgi.training.loop import Curve, Loop, Randomness, RunContext, train
from mgi.training.optimiser import ParameterGroup, make_optimiser, precision_of
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings
from mgi.training.shared_layers import share_layers


class GeneCache:
    """What MGI's decoder needs of a patient's genes, computed when first asked for and kept.

    Expression is recognised by its numbers, so permuted or repeated patients cost nothing. Each is encoded alone:
    the result does not depend on who else was asked for, and a resumed run gives the same numbers. No gradients
    pass. Whoever changes the encoder calls `forget`.
    """

    def __init__(self, model: MGI) -> None:
        self._model = model
        self._kept: dict[bytes, Tensor] = {}

    def encode(self, genes: Tensor) -> Tensor:
        """As `MGI.encode`, of expression (U, G); at least one row."""
        return torch.cat([self._row(row) for row in genes.split(1)])

    def forget(self) -> None:
        """Drop everything: the encoder has learned, or is about to."""
        self._kept.clear()

    def _row(self, row: Tensor) -> Tensor:
        key = row.cpu().numpy().tobytes()
        if key not in self._kept:
            with torch.no_grad():
                self._kept[key] = self._model.encode(row.to(self._model.null_token.device))
        return self._kept[key]


def cache_for(model: nn.Module) -> GeneCache | None:
    """A cache for MGI; other networks read no genes."""
    return GeneCache(model) if isinstance(model, MGI) else None


def forward(
    model: nn.Module, images: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor, cache: GeneCache | None
) -> Tensor:
    """Outputs for slices under the signature of MGI, wherever they are; genes through `cache` where there is one."""
    device = next(model.parameters()).device
    images, patient = images.to(device), patient.to(device)
    if cache is None or not isinstance(model, MGI):
        outputs: Tensor = model(images, genes.to(device), patient, has_genes.to(device))
        return outputs
    encoded = cache.encode(genes[has_genes]) if has_genes.any() else None
    return model.decode(images, encoded, patient, has_genes.to(device))


class TrainingParts(Protocol):
    """What a task brings to the loop."""

    def make_drawer(
        self, training: Pairs, settings: FinetuneSettings, randomness: Randomness, *, use_genes: bool, for_gpu: bool
    ) -> Callable[[int], Any]:
        """Draws the batch of a step; with `use_genes=False` nobody has genes. Called in a thread of its own.

        A task for several processes takes a `group` too, and gives this process's part of the slices.
        """

    def loss(self, model: nn.Module, batch: Any, cache: GeneCache | None) -> Tensor:
        """The loss of a batch, a scalar; `cache` has genes that need not be encoded again.

        A task for several processes takes a `group` too, and gives the loss of the whole batch, of which it gathers the
        parts.
        """

    def validation(self, outputs: Tensor, pairs: Pairs) -> dict[str, float]:
        """Figures of a network's outputs (N, ...) for all validation slices; `score` decides, higher is better."""


def parameter_groups(model: nn.Module, settings: FinetuneSettings) -> list[ParameterGroup]:
    """MGI's pre-trained encoders learn more slowly; any other network is one group."""
    if not isinstance(model, MGI):
        return [ParameterGroup(modules=[model])]
    frozen = settings.freeze_encoder_steps
    return [
        ParameterGroup(modules=[model.image_encoder], lr_scale=settings.image_encoder_lr_scale, frozen_until=frozen),
        ParameterGroup(modules=[model.gene_encoder], lr_scale=settings.gene_encoder_lr_scale, frozen_until=frozen),
        ParameterGroup(modules=[model]),
    ]


def finetune(
    model: nn.Module,
    task: TrainingParts,
    training: Pairs,
    validation: Pairs,
    settings: FinetuneSettings,
    *,
    use_genes: bool,
    context: RunContext,
) -> Curve:
    """Train `model` in place and return its curve; the weights kept are those of the best validation score.

    With `use_genes=False` the genes are replaced by the null token throughout: the model retrained without genes. With
    several processes the first one alone has the curve.
    """
    device = next(model.parameters()).device
    share_layers(model, context.group, settings.schedule.batch)
    shared: dict[str, Any] = {"group": context.group} if context.group.size > 1 else {}
    optimiser = make_optimiser(parameter_groups(model, settings), settings.schedule)
    caches = {role: cache_for(model) for role in ("train", "validation")}
    on_gpu = device.type == "cuda"
    draw = task.make_drawer(training, settings, context.randomness, use_genes=use_genes, for_gpu=on_gpu, **shared)

    def cache_at(step: int) -> GeneCache | None:
        """While the gene encoder is frozen, genes that never change are encoded once; while it learns, none is kept."""
        if settings.gene_encoder_lr_scale == 0 or step < settings.freeze_encoder_steps:
            return caches["train"] if settings.gene_noise == 0 else cache_for(model)
        for cache in caches.values():
            if cache is not None:
                cache.forget()
        return None

    def validate() -> dict[str, float]:
        has_genes = torch.full((len(validation.genes),), use_genes)
        return task.validation(outputs_of(model, validation, has_genes, cache=caches["validation"]), validation)

    loop = Loop(
        schedule=settings.schedule,
        prepare=lambda number: (number, draw(number)),
        step=lambda given: (task.loss(model, given[1].on(device), cache_at(given[0]), **shared), {}),
        validate=validate,
        context=context,
        precision=precision_of(settings.schedule.precision, device, where="finetune.schedule"),
    )
    return train(model, optimiser, loop)


def outputs_of(
    model: nn.Module, pairs: Pairs, has_genes: Tensor, batch: int = 128, cache: GeneCache | None = None
) -> Tensor:
    """Outputs (N, ...) for every slice, on the CPU; `has_genes` (P,) tells whose genes may be used.

    Each patient's genes are encoded once, or not at all where `cache` has them.
    """
    model.eval()
    cache = cache_for(model) if cache is None else cache
    parts = []
    with torch.no_grad():
        for start in range(0, len(pairs.slices.images), batch):
            rows = slice(start, start + batch)
            patients, patient = torch.unique(pairs.slices.patient[rows], return_inverse=True)
            images, genes = pairs.slices.images[rows], pairs.genes[patients]  # B C S S, U G
            parts.append(forward(model, images, genes, patient, has_genes[patients], cache).float().cpu())
    return torch.cat(parts)
