"""The pre-training model of an image and several modalities of numbers: an encoder and a projection for each.

The image has one encoder and one projection for all modalities, where ContIG has a projection for each: so all lie in
one space, a patient has one image vector, and modalities can be compared with each other where there is no image.
B batch, R rows that have a modality, K its numbers, H W pixels, D width of the common space.
"""

from collections.abc import Callable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.functional import normalize

from mgi.models.film import UNetEncoder
from mgi.models.gene_encoder import GeneEncoder, build_gene_encoder
from mgi.models.gene_tokens import Members
from mgi.models.image_encoder import ImageEncoder
from mgi.models.mgi import MixedPooling, build_image_encoder, class_pooling, mean_pooling
from mgi.models.seeding import seeded_by_name
from mgi.models.settings import ModelSettings
from mgi.models.slide_encoder import SlideEncoder, build_slide_encoder, slide_pooling


class ModalityEncoder(nn.Module):
    """One modality's encoder, what pools its tokens, and its linear projection onto the unit sphere."""

    def __init__(self, encoder: GeneEncoder, pooling: Callable[[Tensor], Tensor], projection: int) -> None:
        super().__init__()
        self.encoder, self.pooling = encoder, pooling
        self.projection = nn.Linear(encoder.width, projection)

    def pooled(self, values: Tensor) -> Tensor:
        """Standardised numbers (R, K) to one vector each (R, encoder's width)."""
        return self.pooling(self.encoder(values))

    def project(self, pooled: Tensor) -> Tensor:
        """Pooled vectors to unit vectors (R, D)."""
        return normalize(self.projection(pooled), dim=-1)

    def forward(self, values: Tensor) -> Tensor:
        """Standardised numbers (R, K) to unit vectors (R, D)."""
        return self.project(self.pooled(values))


class MultimodalEncoder(nn.Module):
    """The image's encoder with its pooling and projection, and a `ModalityEncoder` by name.

    The image is a slice of a scan, or a slide: then the encoder gives the slide's vector itself.
    """

    def __init__(
        self,
        image_encoder: ImageEncoder | UNetEncoder | SlideEncoder,
        modalities: Mapping[str, ModalityEncoder],
        projection: int,
        image_pooling: Callable[[Any], Tensor],
    ) -> None:
        super().__init__()
        self.image_encoder, self.image_pooling = image_encoder, image_pooling
        self.image_projection = nn.Linear(image_encoder.width, projection)
        self.modalities = nn.ModuleDict({name: modalities[name] for name in sorted(modalities)})

    @property
    def names(self) -> tuple[str, ...]:
        """The modalities, sorted."""
        return tuple(self.modalities)

    def of(self, name: str) -> ModalityEncoder:
        """The encoder of one modality."""
        encoder = self.modalities[name]
        assert isinstance(encoder, ModalityEncoder)
        return encoder

    def image_vectors(self, *images: Tensor) -> Tensor:
        """Slices (B, C, H, W), or the tiles of slides, their places and which are real, to unit vectors (B, D)."""
        return normalize(self.image_projection(self.image_pooling(self.image_encoder(*images))), dim=-1)


def build_multimodal_encoder(
    settings: ModelSettings, sizes: Mapping[str, int], sets: Members | None = None
) -> MultimodalEncoder:
    """The model for modalities of so many numbers each; `sets` are the genes of each pathway, of expression alone."""
    tile, image_pooling = (
        settings.numbers_of_tile,
        MixedPooling() if settings.numbers_of_tile is None else slide_pooling,
    )
    with seeded_by_name("image"):
        image_encoder = build_image_encoder(settings) if tile is None else build_slide_encoder(settings, tile)
    modalities = {}
    for name in sorted(sizes):
        with seeded_by_name(name):
            modalities[name] = _modality_encoder(settings.for_modality(name), sizes[name], sets)
    with seeded_by_name("image_projection"):
        return MultimodalEncoder(image_encoder, modalities, settings.projection_width, image_pooling)


def _modality_encoder(settings: ModelSettings, size: int, sets: Members | None) -> ModalityEncoder:
    encoder = build_gene_encoder(settings, size, sets)
    if encoder.has_class_token:
        pooling: Callable[[Tensor], Tensor] = class_pooling
    else:
        pooling = MixedPooling() if settings.gene_pooling == "mixed" else mean_pooling
    return ModalityEncoder(encoder, pooling, settings.projection_width)
