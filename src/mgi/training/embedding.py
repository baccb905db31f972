"""Vectors of patients by the two encoders of pre-training: of their image, of the tumour in it, and of their genes.

P patients, D width of an encoder, K width of the projection.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mgi.datasets.gene_rows import Genes
from mgi.datasets.slices import SliceSet
from mgi.datasets.slide_bags import SlideBags
from mgi.models.mgi import DualEncoder
from mgi.models.multimodal import ModalityEncoder, MultimodalEncoder


@dataclass(frozen=True, kw_only=True)
class Vectors:
    """Pooled vectors or their means (P, D), and these projected to unit vectors (P, K); NaN where there are none."""

    pooled: Tensor
    projected: Tensor


@torch.no_grad()
def image_vectors(encoders: DualEncoder | MultimodalEncoder, slices: SliceSet, batch: int) -> tuple[Vectors, Vectors]:
    """The mean of each patient's slices, and their mean weighted by the true area of the tumour in each.

    The first one reads no mask. The second is NaN for a patient without tumour or without a mask.
    """
    encoders.eval()
    device = encoders.image_projection.weight.device
    plain = torch.ones(len(slices.patient), dtype=torch.float64)
    weights = torch.stack([plain, slices.area.double()], 1)  # N 2
    width, count = encoders.image_projection.in_features, len(slices.patient_ids)
    sums = torch.zeros(2, count, width, dtype=torch.float64)
    for rows in torch.arange(len(slices.patient)).split(batch):
        pooled = encoders.image_pooling(encoders.image_encoder(slices.images[rows].to(device)))  # B D
        for total, weight in zip(sums, weights[rows].unbind(1), strict=True):
            total.index_add_(0, slices.patient[rows], weight.unsqueeze(1) * pooled.cpu().double())
    totals = torch.zeros(count, 2, dtype=torch.float64).index_add_(0, slices.patient, weights)  # P 2
    whole, tumour = (total / weight.unsqueeze(1) for total, weight in zip(sums, totals.unbind(1), strict=True))
    return _projected(encoders.image_projection, whole), _projected(encoders.image_projection, tumour)


@torch.no_grad()
def slide_vectors(encoders: MultimodalEncoder, bags: SlideBags) -> Vectors:
    """The vector of each patient's whole slide."""
    encoders.eval()
    device = encoders.image_projection.weight.device
    parts = [
        encoders.image_pooling(encoders.image_encoder(*(part.to(device) for part in seen))).cpu()
        for seen in bags.whole_slides()
    ]
    return _projected(encoders.image_projection, torch.cat(parts).double())


@torch.no_grad()
def gene_vectors(encoders: DualEncoder, genes: Genes, batch: int) -> Vectors:
    """The pooled vector of each patient's expression (P, G)."""
    encoders.eval()
    device = encoders.gene_projection.weight.device
    parts = [encoders.gene_pooling(encoders.gene_encoder(some.to(device))).cpu() for some in genes.split(batch)]
    return _projected(encoders.gene_projection, torch.cat(parts).double())


@torch.no_grad()
def modality_vectors(encoder: ModalityEncoder, values: Genes, batch: int) -> Vectors:
    """The pooled vector of each patient's numbers (P, K) of one modality; (0, D) where nobody has it."""
    encoder.eval()
    device, width = encoder.projection.weight.device, encoder.projection.in_features
    parts = [encoder.pooled(some.to(device)).cpu() for some in values.split(batch) if len(some)]
    return _projected(encoder.projection, torch.cat(parts or [torch.zeros(0, width)]).double())


def _projected(projection: torch.nn.Linear, pooled: Tensor) -> Vectors:
    """The projection of a mean is the mean of the projections: it is linear."""
    vectors = pooled.float()
    projected = normalize(projection(vectors.to(projection.weight.device)), dim=-1)
    return Vectors(pooled=vectors, projected=projected.cpu())
