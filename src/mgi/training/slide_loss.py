"""What pre-training on slides minimises, after the abstract of GiMP (arXiv:2309.02702).

A contrast of slides with the patients' modalities; a run of tiles that is hidden and predicted; and triplets of slide
and genes together. N parts of slides of P patients, n tiles, E numbers of a tile, W width of the slide encoder, D width
of the common space.
"""

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from mgi.models.multimodal import MultimodalEncoder
from mgi.models.seeding import seeded_by_name
from mgi.models.slide_encoder import SlideEncoder
from mgi.training.multimodal_batches import ModalityRows
from mgi.training.multimodal_loss import MultimodalLoss
from mgi.training.pretrain_loss import triplet_loss
from mgi.training.settings import PretrainSettings
from mgi.training.slide_batches import SlideBatch


class SlideLoss(nn.Module):
    """The alignment of slides with modalities, and the heads of those losses that the settings weigh.

    Hidden tiles are predicted as the frozen encoder of tiles gave them, standardised: a target that does not move, so
    that nothing can collapse. It is predicted from the tile's token, the slide's vector and the mean vector of what
    else is known of the patient. Slide encoders that know no places thus predict the same for all hidden tiles.
    """

    def __init__(self, encoders: MultimodalEncoder, settings: PretrainSettings) -> None:
        super().__init__()
        self.settings, self.alignment = settings, MultimodalLoss(encoders, settings)
        slide, common = slide_encoder_of(encoders), encoders.image_projection.out_features
        tile = slide.embedding.linear.in_features
        if settings.masked_patch_weight > 0:
            with seeded_by_name("masked patches"):
                self.mask_token = nn.Parameter(torch.zeros(slide.width))
                self.predict_patches = _perceptron(2 * slide.width + common, slide.width, tile)
        if settings.triplet_weight > 0:
            with seeded_by_name("triplet"):
                self.fuse = _perceptron(2 * common, common, common)

    @property
    def encoders(self) -> MultimodalEncoder:
        """The encoders that are trained."""
        return self.alignment.encoders

    def forward(self, batch: SlideBatch) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss of a batch and its terms; the error of hidden tiles stands beside that of predicting the mean."""
        settings = self.settings
        images = self.encoders.image_vectors(batch.tiles, batch.places, batch.real)  # N D
        loss, terms, vectors = self.alignment.aligned(images, batch.patient, batch.imaged, batch.modalities)
        known = known_of_patients(vectors, batch.modalities, batch.imaged)  # P D
        if settings.masked_patch_weight > 0 and bool(batch.hidden.any()):
            error, by_mean = self.hidden_tile_errors(batch, known)
            terms |= {"masked_patch_loss": error.mean(), "masked_patch_loss_of_mean": by_mean.mean()}
            loss = loss + settings.masked_patch_weight * terms["masked_patch_loss"]
        if settings.triplet_weight > 0:
            terms["triplet_loss"] = self.triplet(images, known, batch)
            loss = loss + settings.triplet_weight * terms["triplet_loss"]
        return loss, terms

    def hidden_tile_errors(self, batch: SlideBatch, known: Tensor) -> tuple[Tensor, Tensor]:
        """Squared errors of all hidden tiles, each a mean over its numbers: of the prediction, and of the mean tile.

        The mean of the training patients' tiles is 0, as tiles are standardised by them.
        """
        encoder = slide_encoder_of(self.encoders)
        found = encoder(batch.tiles, batch.places, batch.real, batch.hidden, self.mask_token)
        row = batch.hidden.nonzero()[:, 0]
        parts = [found.tiles[batch.hidden], found.slide[row], known[batch.patient[row]].to(found.slide.dtype)]
        target = encoder.standardised(batch.tiles[batch.hidden])  # hidden E
        predicted = self.predict_patches(torch.cat(parts, -1)).float()
        return (predicted - target).square().mean(-1), target.square().mean(-1)

    def triplet(self, images: Tensor, known: Tensor, batch: SlideBatch) -> Tensor:
        """A part of a slide with its genes is nearer to another part with them than to itself with the next one's."""
        own, other = known[batch.patient], known[(batch.patient + 1) % batch.imaged]

        def fused(image: Tensor, genes: Tensor) -> Tensor:
            return normalize(self.fuse(torch.cat([image, genes.to(image.dtype)], -1)).float(), dim=-1)

        anchor, positive = fused(images, own), fused(images[batch.sibling], own)
        return triplet_loss(anchor, positive, fused(images, other), self.settings.triplet_margin)


def slide_encoder_of(encoders: MultimodalEncoder) -> SlideEncoder:
    """The encoder of a network that reads slides."""
    assert isinstance(encoders.image_encoder, SlideEncoder)
    return encoders.image_encoder


def known_of_patients(vectors: Mapping[str, Tensor], modalities: Mapping[str, ModalityRows], imaged: int) -> Tensor:
    """Unit vectors (P, D) in the direction of the mean of what each patient with an image has beside it; 0 of none."""
    width = next(iter(vectors.values())).shape[1]
    total = torch.zeros(imaged, width, device=next(iter(vectors.values())).device)
    for name in sorted(vectors):
        places = modalities[name].places
        mine = places < imaged
        total = total.index_add(0, places[mine], vectors[name][mine].float())
    return normalize(total, dim=-1)


def _perceptron(width: int, hidden: int, output: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, output))
