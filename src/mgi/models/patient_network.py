"""A network that says something of a whole patient: vectors of each image and of the genes, and a small head.

B slices or slides of U patients, G genes, C H W an image, D_i D_s D_g the encoders' widths, K outputs.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mgi.models.film import UNetEncoder
from mgi.models.further import FurtherModalities, build_further
from mgi.models.gene_encoder import GeneEncoder, build_gene_encoder
from mgi.models.gene_pooling import GenePooling, gene_pooling_of
from mgi.models.gene_tokens import Members
from mgi.models.image_encoder import ImageEncoder
from mgi.models.image_gene_network import ImageGeneNetwork
from mgi.models.mgi import MixedPooling, build_image_encoder
from mgi.models.settings import ModelSettings
from mgi.models.slide_encoder import SlideEncoder, build_slide_encoder, slide_pooling

Tiles = tuple[Tensor, Tensor, Tensor]
"""Of slides the tiles (B, N, E), their places (B, N, 2), and which of them are real (B, N)."""
Images = Tensor | Tiles | tuple[Tensor, Tiles]
"""Slices (B, C, H, W); or the tiles of slides; or slices and beside them the tiles of each patient's slide (U, ...)."""


class PatientNetwork(ImageGeneNetwork):
    """K outputs of each image with its patient's genes, and behind them a score of how much the image counts.

    An image is a slice of a scan, of which a patient has several, or a slide. A learned vector stands for one that is
    left out, the null token for genes that are. The tokens of further modalities stand beside the vector of the genes,
    or without a gene encoder alone. With a `slide_encoder` a patient has a slide beside the scan: its vector, or a
    learned one where it is left out, stands beside that of each slice.
    All slices count the same at the start. `mgi.tasks.patient_outputs` joins those of a patient.
    """

    def __init__(
        self,
        image_encoder: ImageEncoder | UNetEncoder | SlideEncoder,
        gene_encoder: GeneEncoder | None,
        gene_pooling: GenePooling | None,
        n_outputs: int,
        hidden: int,
        further: FurtherModalities | None = None,
        slide_encoder: SlideEncoder | None = None,
    ) -> None:
        super().__init__(image_encoder, gene_encoder, further)
        of_slides = isinstance(image_encoder, SlideEncoder)
        self.image_pooling: Callable[[Any], Tensor] = slide_pooling if of_slides else MixedPooling()
        self.gene_pooling = gene_pooling
        self.null_image = nn.Parameter(torch.zeros(image_encoder.width))
        width = image_encoder.width + (0 if gene_encoder is None else gene_encoder.width)
        width += 0 if further is None else len(further) * further.width
        self.slide_encoder = slide_encoder
        if slide_encoder is not None:
            self.null_slide = nn.Parameter(torch.zeros(slide_encoder.width))
            width += slide_encoder.width
        layers = [nn.Linear(width, hidden), nn.GELU()] if hidden else []
        self.head = nn.Sequential(*layers, nn.Linear(hidden or width, n_outputs))
        self.attention = nn.Linear(image_encoder.width, 1)
        nn.init.zeros_(self.attention.weight)
        nn.init.zeros_(self.attention.bias)

    @property
    def n_own_rows(self) -> int:
        """T: a pooled vector, or maxima and means."""
        return 2 if self.gene_pooling is not None and self.gene_pooling.kind == "mixed" else 1

    def encode_own(self, genes: Tensor) -> Tensor:
        """Pooled gene tokens (R, 1 or 2, D_g), not yet blended."""
        assert self.gene_encoder is not None
        assert self.gene_pooling is not None
        return self.gene_pooling.parts(self.gene_encoder(genes))

    def gene_vectors(self, encoded: Tensor | None, has_genes: Tensor) -> Tensor:
        """What the head reads of U patients beside the image (U, (1 + M) D_g), of M further modalities."""
        apart, parts = self.apart(encoded, has_genes), []
        if self.gene_encoder is not None:
            genes = self.null_token[0].expand(len(has_genes), -1)  # U D_g
            if apart.own is not None and self.gene_pooling is not None:
                known = self.gene_pooling(apart.own)
                genes = genes.to(known.dtype).index_put((apart.places,), known)
            parts.append(genes)
        if self.further is not None:
            parts.append(self.further(apart.others, has_genes).flatten(1))  # U M D_g
        return torch.cat(parts, 1)

    def see(self, image: Images) -> tuple[Tensor, Tensor | None]:
        """Vectors of images (B, D_i), and of the slides beside them (U, D_s) where there are any."""
        scan, slide = apart(image)
        return self.image_vectors(scan), None if slide is None else self.slide_vectors(slide)

    def decode(
        self, seen: tuple[Tensor, Tensor | None], encoded: Tensor | None, patient: Tensor, has_genes: Tensor
    ) -> Tensor:
        """Outputs and the score (B, K + 1) of images; see `image_vectors` for those that are left out."""
        images, slides = seen
        parts = [images, self.gene_vectors(encoded, has_genes)[patient]]
        if self.slide_encoder is not None:
            slides = self.null_slide.expand(len(has_genes), -1) if slides is None else slides
            parts.append(slides[patient])
        outputs = self.head(torch.cat(parts, 1))
        return torch.cat([outputs, self.attention(images)], 1)

    def slide_vectors(self, slide: Tiles) -> Tensor:
        """Vectors (U, D_s) of the slides beside scans; the learned one for each of those that are left out."""
        assert self.slide_encoder is not None
        seen = seen_in(slide)  # U
        vectors = self.null_slide.expand(len(seen), -1)
        if not seen.any():
            return vectors
        pooled = slide_pooling(self.slide_encoder(*(part[seen] for part in slide)))
        return vectors.to(pooled.dtype).index_put((seen.nonzero().flatten(),), pooled)

    def image_vectors(self, image: Tensor | Tiles) -> Tensor:
        """Vectors (B, D_i) of slices (B, C, H, W) or of slides' tiles, places and which are real.

        The learned vector stands for those that are left out.
        """
        seen = seen_in(image)  # B
        vectors = self.null_image.expand(len(seen), -1)  # B D_i
        if seen.any():
            parts = image if isinstance(image, tuple) else (image,)
            pooled = self.image_pooling(self.image_encoder(*(part[seen] for part in parts)))
            vectors = vectors.to(pooled.dtype).index_put((seen.nonzero().flatten(),), pooled)
        return vectors


def apart(image: Images) -> tuple[Tensor | Tiles, Tiles | None]:
    """The scan, and the slide beside it if any."""
    return image if isinstance(image, tuple) and len(image) == 2 else (image, None)


def seen_in(image: Tensor | Tiles) -> Tensor:
    """Which images (B,) are not left out: a slice that is NaN all over is, and a slide without tiles."""
    return image[2].any(1) if isinstance(image, tuple) else ~image.flatten(1)[:, 0].isnan()


def left_out(images: Tensor, absent: Tensor) -> Tensor:
    """Images (B, C, H, W) of which those that are `absent` (B,) are marked as left out."""
    return images.masked_fill(absent.view(-1, 1, 1, 1), torch.nan)


def build_patient_network(
    settings: ModelSettings, n_genes: int, n_outputs: int, hidden: int, sets: Members | None = None
) -> PatientNetwork:
    """The network with fresh weights; `hidden` units of one layer before the outputs, none for 0."""
    tile = settings.numbers_of_tile
    encoder = build_image_encoder(settings) if tile is None else build_slide_encoder(settings, tile)
    gene_encoder = build_gene_encoder(settings, n_genes, sets) if settings.reads_expression else None
    pooling = None
    if gene_encoder is not None:
        pooling = gene_pooling_of(settings.gene_pooling, has_class_token=gene_encoder.has_class_token)
    further = build_further(settings, n_genes)
    tile = settings.numbers_of_tile_beside
    slide_encoder = None if tile is None else build_slide_encoder(settings, tile)
    return PatientNetwork(encoder, gene_encoder, pooling, n_outputs, hidden, further, slide_encoder)
