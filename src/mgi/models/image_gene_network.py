"""What networks of an image and a patient's genes have in common, so that one training loop serves them all.

B slices of U patients, G genes, C H W an image.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor, nn

from mgi.models.film import UNetEncoder
from mgi.models.further import FurtherModalities
from mgi.models.gene_encoder import GeneEncoder
from mgi.models.image_encoder import ImageEncoder
from mgi.models.slide_encoder import SlideEncoder


class ImageGeneNetwork(nn.Module, ABC):
    """Both encoders, which pre-training aligns, and a null token for a patient without genes.

    With `further` modalities genes (U, G) are expression and behind it the numbers of each, NaN where a patient lacks
    one. Without genes a patient has none of them.

    In two steps, so that what nothing learned is computed once and can be kept: `encode` genes, then `decode` slices.
    """

    image_encoder: nn.Module

    def __init__(
        self,
        image_encoder: ImageEncoder | UNetEncoder | SlideEncoder,
        gene_encoder: GeneEncoder,
        further: FurtherModalities | None = None,
    ) -> None:
        super().__init__()
        self.image_encoder, self.gene_encoder = image_encoder, gene_encoder
        self.null_token = nn.Parameter(torch.zeros(1, 1, gene_encoder.width))
        self.further = further

    def own_and_further(self, encoded: Tensor | None) -> tuple[Tensor | None, Tensor | None]:
        """What `encode` gave, along its second axis: of expression, and of further modalities where there are any."""
        if encoded is None or self.further is None:
            return encoded, None
        return encoded[:, : -self.further.n_rows], encoded[:, -self.further.n_rows :]

    def forward(self, image: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor) -> Tensor:
        """Outputs (B, ...) of slices (B, C, H, W).

        `genes` (U, G) holds each patient of the batch once, `patient` (B,) the row of each slice, `has_genes` (U,)
        whether the row is to be used or replaced by the null token.
        """
        encoded = self.encode(genes[has_genes]) if has_genes.any() else None
        return self.decode(image, encoded, patient, has_genes)

    @abstractmethod
    def encode(self, genes: Tensor) -> Tensor:
        """What `decode` needs of patients' genes (U, G), as far as it depends on them and the encoder alone."""

    @abstractmethod
    def decode(self, image: Tensor, encoded: Tensor | None, patient: Tensor, has_genes: Tensor) -> Tensor:
        """As `forward`, with the rows of those that have genes encoded, in their order; None where nobody has."""
