"""Predictions of a fold's test patients, with each kind of genes that the audit asks for."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mgi.tasks.segmentation.finetune import predict_logits
from mgi.training.gene_cache import GeneCache
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings


@dataclass(frozen=True, kw_only=True)
class GeneMode:
    """Genes (P, G) to predict with: the patients' own, another's, the mean, or none at all."""

    name: str
    genes: Tensor
    donors: list[str | None]
    use_genes: bool


def gene_modes(
    genes: Tensor, average: Tensor, patient_ids: list[str], settings: PredictSettings, *, with_genes: bool
) -> list[GeneMode]:
    """The modes of the gene audit, or the one mode `none` of a method that has no genes.

    `mean` is the training mean `average` (G,), `null` the learned null token, `permuted-k` the genes of another test
    patient: a derangement, so that nobody keeps their own. One test patient has no permutation.
    """
    if not with_genes:
        return [without_genes(genes, "none")]
    nobody: list[str | None] = [None] * len(patient_ids)
    modes = [
        GeneMode(name="real", genes=genes, donors=list(patient_ids), use_genes=True),
        GeneMode(name="mean", genes=average.to(genes.dtype).expand_as(genes), donors=nobody, use_genes=True),
        without_genes(genes, "null"),
    ]
    rng = np.random.default_rng(settings.seed)
    for index in range(settings.permutations if len(patient_ids) > 1 else 0):
        order = derangement(len(patient_ids), rng)
        donors: list[str | None] = [patient_ids[place] for place in order]
        modes.append(
            GeneMode(name=f"permuted-{index}", genes=genes[torch.from_numpy(order)], donors=donors, use_genes=True)
        )
    return modes


def without_genes(genes: Tensor, name: str) -> GeneMode:
    """The mode that reads no genes, for as many patients as `genes` (P, G) has rows."""
    return GeneMode(name=name, genes=torch.zeros_like(genes), donors=[None] * len(genes), use_genes=False)


def derangement(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A random permutation of 0..count-1 (at least 2) that leaves nothing in its place."""
    while True:
        order = rng.permutation(count)
        if not (order == np.arange(count)).any():
            return order


def predict_native(
    model: nn.Module,
    pairs: Pairs,
    mode: GeneMode,
    settings: PredictSettings,
    cache: GeneCache | None = None,
) -> Iterator[tuple[str, list[NDArray[np.uint8]]]]:
    """Yield each patient's slices as floor(256 p), at most 255, on the patient's own grid (rows, columns).

    Beyond the patient's frame it is 0.
    With one `cache` for all modes, nobody's genes are encoded twice.
    With `settings.tta_flip` they are the mean over the slice and its mirror image, left for right.
    Logits are resized bilinearly, then squashed: a byte of 128 or more is a probability of at least a half.
    """
    modal = Pairs(slices=pairs.slices, genes=mode.genes)
    has_genes = torch.full((len(mode.genes),), mode.use_genes)
    logits = predict_logits(model, modal, has_genes, settings.batch, cache)
    if settings.tta_flip:
        turned = Pairs(slices=replace(pairs.slices, planes=pairs.slices.planes.flip(-1)), genes=mode.genes)
        logits = (logits + predict_logits(model, turned, has_genes, settings.batch, cache).flip(-1)) / 2
    for index, (patient, frame) in enumerate(zip(pairs.slices.patient_ids, pairs.slices.frames, strict=True)):
        own = logits[pairs.slices.patient == index]
        native = interpolate(own, size=frame.size, mode="bilinear", align_corners=False)
        stored = (torch.sigmoid(native.double()) * 256).floor().clamp(max=255).to(torch.uint8).squeeze(1)
        yield patient, list(frame.paste(stored).numpy())
