"""Contrastive pre-training: align image and gene encoders on the training patients of one fold.

B patients a batch, one slice each.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mgi.datasets.augment import augment
from mgi.datasets.batches import patient_unique_batch, tumour_weights
from mgi.datasets.slices import SliceSet
from mgi.losses.contrastive import LOSSES, floor_of
from mgi.models.mgi import Aligner
from mgi.training.loop import Curve, Place, Run, train
from mgi.training.optimiser import ParameterGroup, make_optimiser
from mgi.training.precision import precision_of
from mgi.training.settings import PretrainSettings
from mgi.training.weights import digest_of_tensors

TEMPERATURE_BOUNDS = (0.01, 0.5)


@dataclass(frozen=True, kw_only=True)
class Pairs:
    """Slices and standardised expression (P, G) of the same patients, in the same order."""

    slices: SliceSet
    genes: Tensor

    def digest(self) -> str:
        """SHA-256 of all that is learned from, so that a checkpoint of other data is never resumed."""
        slices = {"images": self.slices.images, "masks": self.slices.masks, "patient": self.slices.patient}
        return digest_of_tensors({**slices, "genes": self.genes})


class Contrast(nn.Module):
    """The aligner with its temperature and its gene reconstruction, trained and saved together.

    Besides the contrast, genes that were masked are reconstructed from the pooled gene vector: it teaches the encoder
    the programmes in which genes move together, which the images alone do not show.
    """

    def __init__(self, aligner: Aligner, settings: PretrainSettings) -> None:
        super().__init__()
        self.aligner = aligner
        self.log_temperature = nn.Parameter(
            torch.tensor(math.log(settings.temperature)), requires_grad=settings.learn_temperature
        )
        self.loss = LOSSES[settings.loss]
        self.reconstruct = nn.Linear(aligner.gene_encoder.width, aligner.gene_encoder.tokens.n_genes)

    def forward(self, images: Tensor, genes: Tensor) -> tuple[Tensor, Tensor]:
        """The contrastive loss of a batch and its similarity (B, B)."""
        image_vectors, gene_vectors = self.aligner(images, genes)
        temperature = self.log_temperature.exp().clamp(*TEMPERATURE_BOUNDS)
        with torch.autocast(images.device.type, enabled=False):  # a cosine in bfloat16 is off by up to 1/256
            similarity = image_vectors.float() @ gene_vectors.float().T / temperature
        loss: Tensor = self.loss(similarity)
        return loss, similarity

    def masked_gene_loss(self, genes: Tensor, masked: Tensor) -> Tensor:
        """Mean squared error on the masked genes (B, G), which are set to 0, the training mean."""
        tokens = self.aligner.gene_encoder(genes.masked_fill(masked, 0.0))
        restored = self.reconstruct(self.aligner.gene_pooling(tokens))
        error: Tensor = (restored - genes)[masked].square().mean()
        return error


def pretrain(
    aligner: Aligner,
    training: Pairs,
    validation: Pairs,
    settings: PretrainSettings,
    *,
    place: Place,
) -> Curve:
    """Train `aligner` in place and return its curve; the last weights are kept."""
    device = next(aligner.parameters()).device
    model = Contrast(aligner, settings).to(device)
    patient = training.slices.patient.numpy()
    weights = tumour_weights(training.slices.masks.sum((1, 2, 3)).numpy())
    optimiser = make_optimiser([ParameterGroup(modules=[model])], settings.schedule)
    in_precision = precision_of(settings.schedule.precision, device, where="pretrain.schedule")

    def step(_: int) -> tuple[Tensor, dict[str, float]]:
        rows = torch.from_numpy(patient_unique_batch(patient, weights, settings.schedule.batch, place.randomness.numpy))
        images, _masks = augment(
            training.slices.images[rows], training.slices.masks[rows], settings.augment, place.randomness.torch
        )
        genes = training.genes[training.slices.patient[rows]]
        masked = torch.rand(genes.shape, generator=place.randomness.torch) < settings.masked_genes
        noise = settings.gene_noise * torch.randn(genes.shape, generator=place.randomness.torch)
        with in_precision():
            loss, _similarity = model(images.to(device), (genes + noise).to(device))
            if settings.masked_gene_weight > 0 and masked.any():
                loss = loss + settings.masked_gene_weight * model.masked_gene_loss(genes.to(device), masked.to(device))
        return loss, {}

    def validate() -> dict[str, float]:
        return _alignment(model, validation, settings)

    run = Run(
        schedule=settings.schedule,
        step=step,
        validate=validate,
        place=place,
        select_best=False,
    )
    return train(model, optimiser, run)


def _alignment(model: Contrast, pairs: Pairs, settings: PretrainSettings) -> dict[str, float]:
    """Loss above its floor and retrieval of the genes by the slice with the most tumour of each patient."""
    device = model.log_temperature.device
    area = pairs.slices.masks.sum((1, 2, 3))
    rows = torch.stack(
        [
            torch.where(pairs.slices.patient == index, area, -1.0).argmax()
            for index in range(len(pairs.slices.patient_ids))
        ]
    )
    loss, similarity = model(pairs.slices.images[rows].to(device), pairs.genes.to(device))
    own = similarity.diagonal().unsqueeze(1)
    rank = (similarity > own).sum(1).float() + 1
    excess = loss.item() - floor_of(settings.loss, len(rows))
    return {
        "score": -excess,
        "validation_loss": loss.item(),
        "loss_above_floor": excess,
        "retrieval_at_1": (rank == 1).float().mean().item(),
        "median_rank": rank.median().item(),
        "validation_patients": float(len(rows)),
        "temperature": model.log_temperature.exp().item(),
    }
