"""MGI: a gene encoder and an image encoder aligned by contrast, then fused to segment (arXiv:2406.00631).

B batch, G genes, H W pixels.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from mgi.models.fusion import MaskDecoder, resize_logits
from mgi.models.gene_encoder import GeneEncoder, build_gene_encoder
from mgi.models.gene_tokens import Members
from mgi.models.image_encoder import ImageEncoder
from mgi.models.pooling import ClassPooling, MeanPooling, MixedPooling, SegmentPooling
from mgi.models.settings import ModelSettings

GENE_POOLINGS: dict[str, type[nn.Module]] = {"mixed": MixedPooling, "mean": MeanPooling}


class DualEncoder(nn.Module):
    """Both encoders with their pooling and linear projection onto the unit sphere: the pre-training model."""

    def __init__(
        self, image_encoder: ImageEncoder, gene_encoder: GeneEncoder, projection: int, gene_pooling: nn.Module
    ) -> None:
        super().__init__()
        self.image_encoder, self.gene_encoder = image_encoder, gene_encoder
        self.image_pooling, self.gene_pooling = MixedPooling(), gene_pooling
        self.image_projection = nn.Linear(image_encoder.width, projection)
        self.gene_projection = nn.Linear(gene_encoder.width, projection)

    def forward(self, image: Tensor, genes: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 1, H, W) and (B, G) to unit vectors (B, projection) of each."""
        image_vector = self.image_projection(self.image_pooling(self.image_encoder(image)))
        gene_vector = self.gene_projection(self.gene_pooling(self.gene_encoder(genes)))
        return normalize(image_vector, dim=-1), normalize(gene_vector, dim=-1)


class MGI(nn.Module):
    """Segment a slice with the help of the patient's genes, or without them through a learned null token."""

    def __init__(self, image_encoder: ImageEncoder, gene_encoder: GeneEncoder, decoder: MaskDecoder, size: int) -> None:
        super().__init__()
        self.image_encoder, self.gene_encoder, self.decoder = image_encoder, gene_encoder, decoder
        self.gene_resampling = SegmentPooling(gene_encoder.n_tokens, decoder.gene_tokens)
        self.null_token = nn.Parameter(torch.zeros(1, 1, gene_encoder.width))
        self.size = size

    def forward(self, image: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor) -> Tensor:
        """Logits (B, 1, H, W) of slices (B, 1, H, W).

        `genes` (U, G) holds each patient of the batch once, `patient` (B,) the row of each slice, `has_genes` (U,)
        whether the row is to be used or replaced by the null token.
        """
        encoded = self.encode(genes[has_genes]) if has_genes.any() else None
        return self.decode(image, encoded, patient, has_genes)

    def encode(self, genes: Tensor) -> Tensor:
        """What the decoder needs of patients' genes (U, G), as far as it depends on them and the encoder alone."""
        return self.gene_resampling.pool_segments(self.gene_encoder(genes))

    def decode(self, image: Tensor, encoded: Tensor | None, patient: Tensor, has_genes: Tensor) -> Tensor:
        """As `forward`, with the rows of those that have genes encoded, in their order; None where nobody has."""
        if encoded is None:
            tokens = self.null_token.expand(len(has_genes), -1, -1)  # U 1 D
        else:
            known = self.gene_resampling(encoded)  # those with genes, K D
            null = self.null_token.to(known.dtype).expand(len(has_genes), known.shape[1], -1)
            tokens = null.index_put((has_genes.nonzero().flatten(),), known)  # U K D
        image_tokens, maps = self.image_encoder.with_maps(image)
        logits = self.decoder(image_tokens, tokens[patient], maps)
        return resize_logits(logits, self.size)


def build_dual_encoder(settings: ModelSettings, n_genes: int, sets: Members | None = None) -> DualEncoder:
    """The pre-training model for `n_genes` genes; `sets` are the genes of each pathway, for pathway tokens."""
    image_encoder, gene_encoder = ImageEncoder(settings), build_gene_encoder(settings, n_genes, sets)
    pooling = ClassPooling() if gene_encoder.has_class_token else GENE_POOLINGS[settings.gene_pooling]()
    return DualEncoder(image_encoder, gene_encoder, settings.projection_width, pooling)


def build_mgi(settings: ModelSettings, n_genes: int, sets: Members | None = None) -> MGI:
    """The segmentation model for `n_genes` genes; `sets` as in `build_dual_encoder`."""
    encoder = ImageEncoder(settings)
    return MGI(encoder, build_gene_encoder(settings, n_genes, sets), MaskDecoder(settings), settings.image_size)
