"""Segmentation as it is learned and predicted: the loss of a batch, the Dice of a validation, masks on native grids."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mgi.tasks.expression_inputs import ExpressionInput
from mgi.tasks.segmentation.batches import SegmentationBatch, SegmentationDrawer
from mgi.tasks.segmentation.loss import segmentation_loss
from mgi.tasks.segmentation.prediction_writer import prediction_writer
from mgi.tasks.segmentation.segmenters import build_segmenter as build
from mgi.training.finetune import GeneCache, forward, outputs_of
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings

__all__ = ["build", "loss", "make_drawer", "predict", "prediction_writer", "validation"]
make_drawer = SegmentationDrawer


def loss(model: nn.Module, batch: SegmentationBatch, cache: GeneCache | None) -> Tensor:
    """Cross entropy and soft Dice of a batch."""
    images, masks = batch.augmented()
    logits = forward(model, images, batch.genes, batch.patient, batch.has_genes, cache)
    return segmentation_loss(logits.float(), masks)


def validation(outputs: Tensor, pairs: Pairs) -> dict[str, float]:
    """The mean volume Dice at the network's size."""
    dice = volume_dice(outputs >= 0, pairs.slices.masks >= 0.5, pairs.slices.patient)
    return {"score": dice, "validation_dice": dice}


def volume_dice(prediction: Tensor, truth: Tensor, patient: Tensor) -> float:
    """Mean over patients of the Dice of the whole volume at the network's size; both empty counts 1."""
    count = int(patient.max()) + 1

    def per_patient(pixels: Tensor) -> Tensor:
        return torch.zeros(count).index_add_(0, patient, pixels.flatten(1).sum(1).float())

    overlap, total = per_patient(prediction & truth), per_patient(prediction) + per_patient(truth)
    return torch.where(total > 0, 2 * overlap / total.clamp(min=1), 1.0).mean().item()


def predict(
    model: nn.Module, pairs: Pairs, given: ExpressionInput, settings: PredictSettings, cache: GeneCache | None = None
) -> Iterator[tuple[str, list[NDArray[np.uint8]]]]:
    """Yield each patient's slices as floor(256 p), at most 255, on the patient's own grid (rows, columns).

    Beyond the patient's frame it is 0.
    With one `cache` for all inputs, nobody's genes are encoded twice.
    With `settings.tta_flip` they are the mean over the slice and its mirror image, left for right.
    Logits are resized bilinearly, then squashed: a byte of 128 or more is a probability of at least a half.
    """
    with_input = Pairs(slices=pairs.slices, genes=given.genes)
    has_genes = torch.full((len(given.genes),), given.use_genes)
    logits = outputs_of(model, with_input, has_genes, settings.batch, cache)
    if settings.tta_flip:
        turned = Pairs(slices=replace(pairs.slices, channels=pairs.slices.channels.flip(-1)), genes=given.genes)
        logits = (logits + outputs_of(model, turned, has_genes, settings.batch, cache).flip(-1)) / 2
    for index, (patient, frame) in enumerate(zip(pairs.slices.patient_ids, pairs.slices.frames, strict=True)):
        own = logits[pairs.slices.patient == index]  # S 1 side side
        native = interpolate(own, size=frame.size, mode="bilinear", align_corners=False)  # S 1 H W
        stored = (torch.sigmoid(native.double()) * 256).floor().clamp(max=255).to(torch.uint8).squeeze(1)
        yield patient, list(frame.paste(stored).numpy())
