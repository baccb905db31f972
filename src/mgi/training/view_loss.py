"""Pre-training on images alone: two random views of each slice, and a loss between their vectors. No gene is read.

The views' vectors are pooled and projected as in the contrast with genes, by the same layers: two runs differ in their
loss alone. The papers project by perceptrons, which are thrown away afterwards. The gene encoder stays as it began.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from mgi.models.mgi import DualEncoder
from mgi.training.barlow_twins import barlow_twins_loss, chance_barlow_twins
from mgi.training.contrastive import retrieval_figures, vector_figures
from mgi.training.distributed import ALONE, Group
from mgi.training.pretrain_batches import Batch, Pairs, largest_tumours, two_views
from mgi.training.pretrain_loss import TEMPERATURE_BOUNDS
from mgi.training.settings import PretrainSettings
from mgi.training.simclr import chance_nt_xent, nt_xent


class ViewLoss(nn.Module):
    """Both encoders, of which the image's alone learns, and for SimCLR the temperature."""

    def __init__(self, encoders: DualEncoder, settings: PretrainSettings) -> None:
        super().__init__()
        self.encoders, self.settings = encoders, settings
        if settings.loss == "simclr":
            self.log_temperature = nn.Parameter(
                torch.tensor(math.log(settings.temperature)), requires_grad=settings.learn_temperature
            )

    def temperature(self) -> Tensor:
        """SimCLR's temperature, kept within its bounds."""
        return self.log_temperature.exp().clamp(*TEMPERATURE_BOUNDS)

    def projected(self, images: Tensor) -> Tensor:
        """Slices (N, C, S, S) to vectors (N, D) before they are normalised."""
        encoders = self.encoders
        pooled = encoders.image_pooling(encoders.image_encoder(images))
        return encoders.image_projection(pooled)  # type: ignore[no-any-return]

    def between(self, one: Tensor, two: Tensor) -> Tensor:
        """The loss of the vectors (N, D) of first and second views; in float32, as a cosine in bfloat16 is off."""
        with torch.autocast(one.device.type, enabled=False):
            one, two = one.float(), two.float()
            if self.settings.loss == "simclr":
                return nt_xent(normalize(one, dim=-1), normalize(two, dim=-1), self.temperature())
            return barlow_twins_loss(one, two, self.settings.redundancy_weight)

    def chance(self, slices: int) -> float:
        """The loss of so many slices where the views say nothing of each other."""
        if self.settings.loss == "simclr":
            return chance_nt_xent(slices)
        width = self.encoders.image_projection.out_features
        return chance_barlow_twins(slices, width, self.settings.redundancy_weight)

    def forward(self, batch: Batch, group: Group = ALONE) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of the whole batch, of which this process holds a part, and its least value."""
        both = self.projected(torch.cat([batch.images, batch.second_views]))
        one, two = (group.gather(views, batch.slice_counts) for views in both.chunk(2))
        return self.between(one, two), {"min_loss": torch.tensor(batch.min_loss)}


def view_figures(model: ViewLoss, pairs: Pairs) -> dict[str, float]:
    """Loss and monitors of two views of each patient's slice with the most tumour, the same views at each validation.

    `view_mean_rank` and its like say how well a view finds the other one of its slice among those of all patients, by
    cosine. No figure says anything of genes: the retrieval of genes has other names, and is not there.
    """
    settings = model.settings
    one, two = _vectors(model, pairs)
    unit, other = normalize(one, dim=-1), normalize(two, dim=-1)
    found = retrieval_figures(unit @ other.T)
    loss = model.between(one, two).item()
    return {
        "score": -found["mean_rank"] if settings.keep == "best_retrieval" else -loss,
        "validation_loss": loss,
        "validation_min_loss": 0.0,
        "loss_above_min": loss,
        "chance_loss_above_min": model.chance(len(pairs)),
        **{name if name == "chance_rank" else f"view_{name}": value for name, value in found.items()},
        "validation_patients": float(len(pairs)),
        "view_alignment": (unit - other).square().sum(1).mean().item(),
        **vector_figures("image", unit),
        **({"temperature": model.temperature().item()} if settings.loss == "simclr" else {}),
    }


def _vectors(model: ViewLoss, pairs: Pairs) -> tuple[Tensor, Tensor]:
    """Vectors (P, D) of two views of every patient's slice with the most tumour, encoded in batches."""
    device, settings = next(model.parameters()).device, model.settings
    views = two_views(pairs.slices, largest_tumours(pairs.slices), settings.augment, torch.Generator().manual_seed(0))
    one, two = (
        torch.cat([model.projected(part.to(device)).float() for part in images.split(settings.schedule.batch)])
        for images in views
    )
    return one, two
