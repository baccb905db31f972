"""Training for a task, the same loop, budget and selection for every method; the task brings loss and score.

Patients' genes are encoded once while the gene encoder does not learn.
"""

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mgi.datasets.slices import SliceSet
from mgi.models.image_gene_network import ImageGeneNetwork
from mgi.training.loop import Curve, Loop, Randomness, RunContext, train
from mgi.training.moving import Images, moved
from mgi.training.optimiser import ParameterGroup, make_optimiser, precision_of
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings
from mgi.training.shared_layers import share_layers

MOST_CACHED = 256 << 20
"""Bytes of encoded expression that are kept: 1,300 patients of 100 tokens at a width of 256, twice."""


class GeneCache:
    """What a network's decoder needs of a patient's genes, computed when first asked for and kept.

    Expression is recognised by its numbers, so permuted or repeated patients cost nothing. Each is encoded alone:
    the result does not depend on who else was asked for, and a resumed run gives the same numbers. No gradients
    pass. Whoever changes the encoder calls `forget`. Beyond `most` bytes those that were used longest ago go.
    """

    def __init__(self, model: ImageGeneNetwork, most: int = MOST_CACHED) -> None:
        self._model, self._most, self._bytes = model, most, 0
        self._kept: OrderedDict[bytes, Tensor] = OrderedDict()

    def encode(self, genes: Tensor) -> Tensor:
        """As the network's `encode`, of expression (U, G); at least one row."""
        return torch.cat([self._row(row) for row in genes.split(1)])

    def forget(self) -> None:
        """Drop everything: the encoder has learned, or is about to."""
        self._kept.clear()
        self._bytes = 0

    def _row(self, row: Tensor) -> Tensor:
        key = digest_of(row)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        with torch.no_grad():
            encoded = self._kept[key] = self._model.encode(row.to(self._model.device))
        self._bytes += encoded.nbytes
        while self._bytes > self._most and len(self._kept) > 1:
            self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return encoded


class FrozenCache(GeneCache):
    """Beside genes, what a network that no longer learns saw of slices: the batches that it was shown last.

    So a batch that is shown with the genes of one patient after the other is encoded once. It is recognised by its
    numbers. No gradients pass.
    """

    KEPT_BATCHES = 2  # one and its mirror image

    def __init__(self, model: ImageGeneNetwork) -> None:
        super().__init__(model)
        self._seen: OrderedDict[bytes, Any] = OrderedDict()

    def see(self, images: Tensor) -> Any:
        """As the network's `see`, of slices (B, C, H, W)."""
        key = digest_of(images)
        if key not in self._seen:
            with torch.no_grad():
                self._seen[key] = self._model.see(images.to(self._model.device))
            while len(self._seen) > self.KEPT_BATCHES:
                self._seen.popitem(last=False)
        return self._seen[key]

    def forget(self) -> None:
        """Drop everything."""
        super().forget()
        self._seen.clear()


def digest_of(values: Tensor) -> bytes:
    """Tells tensors apart by their numbers."""
    return hashlib.sha256(values.cpu().contiguous().numpy().data).digest()


def frozen_cache_for(model: nn.Module) -> FrozenCache | None:
    """A cache for a network of image and genes that no longer learns."""
    return FrozenCache(model) if isinstance(model, ImageGeneNetwork) else None


def cache_for(model: nn.Module) -> GeneCache | None:
    """A cache for a network of image and genes; others read no genes."""
    return GeneCache(model) if isinstance(model, ImageGeneNetwork) else None


def forward(
    model: nn.Module,
    images: Images,
    genes: Tensor,
    patient: Tensor,
    has_genes: Tensor,
    cache: GeneCache | None,
) -> Tensor:
    """Outputs for slices or slides under the signature of MGI; genes through `cache` where there is one."""
    device = next(model.parameters()).device
    patient = patient.to(device)
    if cache is None or not isinstance(model, ImageGeneNetwork):
        outputs: Tensor = model(_on(device, images), genes.to(device), patient, has_genes.to(device))
        return outputs
    encoded = cache.encode(genes[has_genes]) if has_genes.any() else None
    if isinstance(cache, FrozenCache) and isinstance(images, Tensor):
        seen = cache.see(images)
    else:
        seen = model.see(_on(device, images))
    return model.decode(seen, encoded, patient, has_genes.to(device))


def _on(device: torch.device, images: Images) -> Any:
    return moved(images, lambda tensor: tensor.to(device))


Outputs = tuple[slice, Tensor]
"""Rows of a SliceSet, and what a network makes of them."""


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

    def validation(self, batches: Iterator[Outputs], pairs: Pairs) -> dict[str, float]:
        """Figures of a network's outputs for all validation slices; `score` decides, higher is better.

        `batches` are outputs (B, ...) behind the rows of the slices that they are of, in order.
        """


def parameter_groups(model: nn.Module, settings: FinetuneSettings) -> list[ParameterGroup]:
    """Pre-trained encoders learn more slowly; a network without them is one group."""
    if not isinstance(model, ImageGeneNetwork):
        return [ParameterGroup(modules=[model])]
    frozen = settings.freeze_encoder_steps
    genes = [] if model.gene_encoder is None else [model.gene_encoder]
    further = [] if model.further is None else model.further.encoders
    beside = getattr(model, "slide_encoder", None)
    images = [model.image_encoder, *([] if beside is None else [beside])]
    return [
        ParameterGroup(modules=images, lr_scale=settings.image_encoder_lr_scale, frozen_until=frozen),
        ParameterGroup(modules=[*genes, *further], lr_scale=settings.gene_encoder_lr_scale, frozen_until=frozen),
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
        has_genes = torch.full((len(validation),), use_genes)
        return task.validation(output_batches(model, validation, has_genes, cache=caches["validation"]), validation)

    loop = Loop(
        schedule=settings.schedule,
        prepare=lambda number: (number, draw(number)),
        step=lambda given: (task.loss(model, given[1].on(device), cache_at(given[0]), **shared), {}),
        validate=validate,
        context=context,
        precision=precision_of(settings.schedule.precision, device, where="finetune.schedule"),
    )
    return train(model, optimiser, loop)


def output_batches(
    model: nn.Module,
    pairs: Pairs,
    has_genes: Tensor,
    batch: int = 128,
    cache: GeneCache | None = None,
    change: Callable[[Tensor], Tensor] = lambda images: images,
) -> Iterator[Outputs]:
    """Outputs (B, ...) of `batch` slices after the other, on the CPU; `has_genes` (P,) tells whose genes may be used.

    `change` is applied to the images, and to no slide. Each patient's genes are encoded once, or not at all where
    `cache` has them.
    """
    model.eval()
    cache = cache_for(model) if cache is None else cache
    for bags in (pairs.bags, pairs.beside):
        batch = batch if bags is None else min(batch, bags.at_once())
    for start in range(0, len(pairs.slices.patient), batch):
        rows = slice(start, start + batch)
        yield rows, _outputs(model, pairs, rows, has_genes, cache, change)


@torch.no_grad()
def _outputs(
    model: nn.Module,
    pairs: Pairs,
    rows: slice,
    has_genes: Tensor,
    cache: GeneCache | None,
    change: Callable[[Tensor], Tensor],
) -> Tensor:
    patients, patient = torch.unique(pairs.slices.patient[rows], return_inverse=True)
    images, genes = pairs.images_of(rows), pairs.genes_of(patients)  # B C S S or tiles, U G
    images = change(images) if isinstance(images, Tensor) else images
    return forward(model, images, genes, patient, has_genes[patients], cache).float().cpu()


def outputs_of(
    model: nn.Module, pairs: Pairs, has_genes: Tensor, batch: int = 128, cache: GeneCache | None = None
) -> Tensor:
    """Outputs (N, ...) for every slice at once, for those who are few."""
    return torch.cat([outputs for _, outputs in output_batches(model, pairs, has_genes, batch, cache)])


def by_patient(batches: Iterator[Outputs], slices: SliceSet) -> Iterator[tuple[int, Tensor]]:
    """Each patient's outputs (n, ...) behind its number; `slices` lie patient after patient."""
    waiting: list[Tensor] = []
    for patient, rows in enumerate(slices.rows_of):
        while sum(map(len, waiting)) < len(rows):
            waiting.append(next(batches)[1])
        together = torch.cat(waiting) if len(waiting) > 1 else waiting[0]
        yield patient, together[: len(rows)]
        waiting = [together[len(rows) :]]
