"""What networks of an image and a patient's genes have in common, so that one training loop serves them all.

B slices of U patients, R of them with genes, G genes, T rows of encoded expression, C H W an image, D width of tokens.
"""

from abc import ABC, abstractmethod
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from mgi.models.film import UNetEncoder
from mgi.models.further import FurtherModalities, encoded_where_known, known_among
from mgi.models.gene_encoder import GeneEncoder
from mgi.models.image_encoder import ImageEncoder
from mgi.models.slide_encoder import SlideEncoder


class Encoded(NamedTuple):
    """What `encode` gave, apart: expression (k, T, D) of those who have it, None where nobody does, and their places
    (k,) among U; and the rows of further modalities, None where there are none."""

    own: Tensor | None
    places: Tensor
    others: Tensor | None


class ImageGeneNetwork(nn.Module, ABC):
    """Both encoders, which pre-training aligns, and a null token for a patient without genes.

    With `further` modalities genes (U, G) are expression and behind it the numbers of each, NaN where a patient lacks
    one, be it expression. Without a `gene_encoder` they are those of further modalities alone. Without genes a patient
    has none of them.

    In three steps, so that what is known already can be kept: `encode` genes, `see` images, `decode` both.
    """

    image_encoder: nn.Module

    def __init__(
        self,
        image_encoder: ImageEncoder | UNetEncoder | SlideEncoder,
        gene_encoder: GeneEncoder | None,
        further: FurtherModalities | None = None,
    ) -> None:
        super().__init__()
        if gene_encoder is None and further is None:
            raise ValueError("neither expression nor further modalities, expected one of them")
        self.image_encoder, self.gene_encoder = image_encoder, gene_encoder
        if gene_encoder is not None:
            self.null_token = nn.Parameter(torch.zeros(1, 1, gene_encoder.width))
        self.further = further

    @property
    def device(self) -> torch.device:
        """Where its weights are."""
        return next(self.parameters()).device

    def encode(self, genes: Tensor) -> Tensor:
        """What `decode` needs of patients' genes (R, G), as far as it depends on them and the encoders alone."""
        if self.further is None:
            return self.encode_own(genes)
        own, others = self.further.apart(genes)
        rows = self.further.encode(others)
        if self.gene_encoder is None:
            return rows
        known = encoded_where_known(own, self.encode_own, self.n_own_rows, self.gene_encoder.width)
        return torch.cat([known, rows], 1)

    def apart(self, encoded: Tensor | None, has_genes: Tensor) -> Encoded:
        """What `encode` gave for those that have genes, in their order, or None; `has_genes` (U,) says who has any."""
        rows = has_genes.nonzero().flatten()
        if encoded is None or self.further is None:
            return Encoded(encoded, rows, None)
        if self.gene_encoder is None:
            return Encoded(None, rows[:0], encoded)
        has, own = known_among(encoded[:, : -self.further.n_rows])
        others = encoded[:, -self.further.n_rows :]
        return Encoded(own, rows[has], others) if has.any() else Encoded(None, rows[:0], others)

    def forward(self, image: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor) -> Tensor:
        """Outputs (B, ...) of slices (B, C, H, W).

        `genes` (U, G) holds each patient of the batch once, `patient` (B,) the row of each slice, `has_genes` (U,)
        whether the row is to be used or replaced by the null token.
        """
        encoded = self.encode(genes[has_genes]) if has_genes.any() else None
        return self.decode(self.see(image), encoded, patient, has_genes)

    @property
    @abstractmethod
    def n_own_rows(self) -> int:
        """T."""

    @abstractmethod
    def encode_own(self, genes: Tensor) -> Tensor:
        """Expression (R, G) to what depends on it and its encoder alone (R, T, D)."""

    @abstractmethod
    def see(self, image: Any) -> Any:
        """What `decode` needs of images (B, C, H, W), as far as it depends on them and their encoder alone."""

    @abstractmethod
    def decode(self, seen: Any, encoded: Tensor | None, patient: Tensor, has_genes: Tensor) -> Tensor:
        """As `forward`, with images as `see` gives them and the rows of those that have genes encoded, in their order;
        None where nobody has."""
