"""Segmentation training, the same loop, budget, augmentation and selection for every method."""

from typing import Protocol

import torch
from torch import Tensor, nn

from mgi.models.fusion import TUMOUR_LOG_ODDS
from mgi.models.mgi import MGI
from mgi.tasks.segmentation.finetune_batches import SegmentationBatch, SegmentationDrawer
from mgi.tasks.segmentation.loss import segmentation_loss
from mgi.training.gene_cache import GeneCache, cache_for, segment
from mgi.training.loop import Curve, Place, Run, train
from mgi.training.optimiser import ParameterGroup, make_optimiser
from mgi.training.precision import precision_of
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings

VALIDATION_BATCH = 128


class Segmenter(Protocol):
    """Slices (B, 1, S, S), every patient's genes (P, G) and the slices' patients (B,) to logits (B, 1, S, S)."""

    def __call__(self, images: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor) -> Tensor:
        """Segment a batch; `has_genes` (P,) tells whose genes may be used."""
        ...


class WithoutGenes(nn.Module):
    """A plain segmentation network under the signature of MGI: it never looks at the genes.

    A learned offset starts near the log odds of a tumour pixel: at a half everywhere, a network spends its first
    hundreds of steps on darkening the background.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.offset = nn.Parameter(torch.tensor(TUMOUR_LOG_ODDS))

    def forward(self, images: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor) -> Tensor:
        """Segment by the image alone."""
        logits: Tensor = self.network(images.contiguous(memory_format=torch.channels_last))
        return logits + self.offset


def parameter_groups(model: nn.Module, settings: FinetuneSettings) -> list[ParameterGroup]:
    """MGI's pre-trained encoders learn more slowly; any other network is one group."""
    if not isinstance(model, MGI):
        return [ParameterGroup(modules=[model])]
    resting = settings.freeze_encoder_steps
    return [
        ParameterGroup(modules=[model.image_encoder], rate=settings.image_encoder_lr_scale, rests_until=resting),
        ParameterGroup(modules=[model.gene_encoder], rate=settings.gene_encoder_lr_scale, rests_until=resting),
        ParameterGroup(modules=[model]),
    ]


def finetune(
    model: nn.Module,
    training: Pairs,
    validation: Pairs,
    settings: FinetuneSettings,
    *,
    use_genes: bool,
    place: Place,
) -> Curve:
    """Train `model` in place and return its curve; the weights kept are those of the best validation Dice.

    With `use_genes=False` the genes are replaced by the null token throughout: the model retrained without genes.
    """
    device = next(model.parameters()).device
    optimiser = make_optimiser(parameter_groups(model, settings), settings.schedule)
    caches = {role: cache_for(model) for role in ("train", "validation")}
    in_precision = precision_of(settings.schedule.precision, device, where="finetune.schedule")

    def cache_at(step: int) -> GeneCache | None:
        """Where the gene encoder rests, genes that never change are encoded once; where it learns, nothing is kept."""
        if gene_encoder_rests(settings, step):
            return caches["train"] if settings.gene_noise == 0 else cache_for(model)
        for cache in caches.values():
            if cache is not None:
                cache.forget()
        return None

    draw = SegmentationDrawer(
        training=training,
        settings=settings,
        randomness=place.randomness,
        use_genes=use_genes,
        for_gpu=device.type == "cuda",
    )

    def step(given: tuple[int, SegmentationBatch]) -> tuple[Tensor, dict[str, float]]:
        number, batch = given[0], given[1].on(device)
        images, masks = batch.augmented()
        logits = segment(model, images, batch.genes, batch.patient, batch.has_genes, cache_at(number))
        return segmentation_loss(logits.float(), masks), {}

    def validate() -> dict[str, float]:
        has_genes = torch.full((len(validation.genes),), use_genes)
        logits = predict_logits(model, validation, has_genes, cache=caches["validation"])
        dice = volume_dice(logits >= 0, validation.slices.masks >= 0.5, validation.slices.patient)
        return {"score": dice, "validation_dice": dice}

    run = Run(
        schedule=settings.schedule,
        prepare=lambda number: (number, draw(number)),
        step=step,
        validate=validate,
        place=place,
        context=in_precision,
    )
    return train(model, optimiser, run)


def gene_encoder_rests(settings: FinetuneSettings, step: int) -> bool:
    """Whether MGI's gene encoder does not learn in this step; no gradient is computed for it then."""
    return settings.gene_encoder_lr_scale == 0 or step < settings.freeze_encoder_steps


def predict_logits(
    model: nn.Module, pairs: Pairs, has_genes: Tensor, batch: int = VALIDATION_BATCH, cache: GeneCache | None = None
) -> Tensor:
    """Logits (N, 1, S, S) of every slice, on the CPU; `has_genes` (P,) tells whose genes may be used.

    Each patient's genes are encoded once, or not at all where `cache` has them.
    """
    model.eval()
    cache = cache_for(model) if cache is None else cache
    parts = []
    with torch.no_grad():
        for start in range(0, len(pairs.slices.images), batch):
            rows = slice(start, start + batch)
            patients, patient = torch.unique(pairs.slices.patient[rows], return_inverse=True)
            images, genes = pairs.slices.images[rows], pairs.genes[patients]
            parts.append(segment(model, images, genes, patient, has_genes[patients], cache).float().cpu())
    return torch.cat(parts)


def volume_dice(prediction: Tensor, truth: Tensor, patient: Tensor) -> float:
    """Mean over patients of the Dice of the whole volume at the network's size; both empty counts 1."""
    count = int(patient.max()) + 1

    def per_patient(pixels: Tensor) -> Tensor:
        return torch.zeros(count).index_add_(0, patient, pixels.flatten(1).sum(1).float())

    overlap, total = per_patient(prediction & truth), per_patient(prediction) + per_patient(truth)
    return torch.where(total > 0, 2 * overlap / total.clamp(min=1), 1.0).mean().item()
