"""A network that says something of a whole patient: pooled vectors of each slice and of the genes, and a small head.

B slices of U patients, G genes, C H W an image, D_i D_g the encoders' widths, K outputs.
"""

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


class PatientNetwork(ImageGeneNetwork):
    """K outputs of each slice with its patient's genes, and behind them a score of how much the slice counts.

    A learned vector stands for an image that is left out, the null token for genes that are. The tokens of further
    modalities stand beside the vector of the genes. All slices count the same at the start.
    `mgi.tasks.patient_outputs` joins the slices of a patient.
    """

    def __init__(
        self,
        image_encoder: ImageEncoder | UNetEncoder,
        gene_encoder: GeneEncoder,
        gene_pooling: GenePooling,
        n_outputs: int,
        hidden: int,
        further: FurtherModalities | None = None,
    ) -> None:
        super().__init__(image_encoder, gene_encoder, further)
        self.image_pooling, self.gene_pooling = MixedPooling(), gene_pooling
        self.null_image = nn.Parameter(torch.zeros(image_encoder.width))
        n_vectors = 1 if further is None else 1 + len(further)
        width = image_encoder.width + n_vectors * gene_encoder.width
        layers = [nn.Linear(width, hidden), nn.GELU()] if hidden else []
        self.head = nn.Sequential(*layers, nn.Linear(hidden or width, n_outputs))
        self.attention = nn.Linear(image_encoder.width, 1)
        nn.init.zeros_(self.attention.weight)
        nn.init.zeros_(self.attention.bias)

    def encode(self, genes: Tensor) -> Tensor:
        """Pooled gene tokens (U, 1 or 2, D_g), not yet blended; behind them what is known of further modalities."""
        if self.further is None:
            return self.gene_pooling.parts(self.gene_encoder(genes))
        own, others = self.further.apart(genes)
        return torch.cat([self.gene_pooling.parts(self.gene_encoder(own)), self.further.encode(others)], 1)

    def decode(self, image: Tensor, encoded: Tensor | None, patient: Tensor, has_genes: Tensor) -> Tensor:
        """Outputs and the score (B, K + 1) of slices (B, C, H, W); one that is NaN all over is left out."""
        seen = ~image.flatten(1)[:, 0].isnan()  # B
        images = self.null_image.expand(len(image), -1)  # B D_i
        if seen.any():
            pooled = self.image_pooling(self.image_encoder(image[seen]))
            images = images.to(pooled.dtype).index_put((seen.nonzero().flatten(),), pooled)
        genes = self.null_token[0].expand(len(has_genes), -1)  # U D_g
        own, others = self.own_and_further(encoded)
        if own is not None:
            known = self.gene_pooling(own)
            genes = genes.to(known.dtype).index_put((has_genes.nonzero().flatten(),), known)
        if self.further is not None:
            genes = torch.cat([genes, self.further(others, has_genes).flatten(1)], 1)  # U (1 + M) D_g
        outputs = self.head(torch.cat([images, genes[patient]], 1))
        return torch.cat([outputs, self.attention(images)], 1)


def left_out(images: Tensor, absent: Tensor) -> Tensor:
    """Images (B, C, H, W) of which those that are `absent` (B,) are marked as left out."""
    return images.masked_fill(absent.view(-1, 1, 1, 1), torch.nan)


def build_patient_network(
    settings: ModelSettings, n_genes: int, n_outputs: int, hidden: int, sets: Members | None = None
) -> PatientNetwork:
    """The network with fresh weights; `hidden` units of one layer before the outputs, none for 0."""
    encoder, gene_encoder = build_image_encoder(settings), build_gene_encoder(settings, n_genes, sets)
    pooling = gene_pooling_of(settings.gene_pooling, has_class_token=gene_encoder.has_class_token)
    further = build_further(settings, n_genes)
    return PatientNetwork(encoder, gene_encoder, pooling, n_outputs, hidden, further)
