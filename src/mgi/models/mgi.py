"""MGI: a gene encoder and an image encoder aligned by contrast, then fused to segment (arXiv:2406.00631).

Tokens are pooled: their mean or a learned blend of it with their maximum, over all or segments, or a class token.
B batch, G genes, H W pixels, T tokens, K segments, D width.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from mgi.models.film import FilmDecoder, UNetEncoder
from mgi.models.further import FurtherModalities, build_further
from mgi.models.fusion import MaskDecoder, resize_logits
from mgi.models.gene_encoder import GeneEncoder, build_gene_encoder
from mgi.models.gene_tokens import Members
from mgi.models.image_encoder import ImageEncoder
from mgi.models.image_gene_network import ImageGeneNetwork
from mgi.models.settings import ModelSettings


class MixedPooling(nn.Module):
    """(B, T, D) to (B, D): a max + (1 - a) mean, with one learned a, a half at the start.

    The paper says "mixed pooling" and no more; this is the mixed max-average pooling of Lee et al. (AISTATS 2016).
    """

    def __init__(self) -> None:
        super().__init__()
        self.blend = nn.Parameter(torch.zeros(()))

    def forward(self, tokens: Tensor) -> Tensor:
        """Pool over the tokens."""
        share = torch.sigmoid(self.blend)
        return share * tokens.amax(1) + (1 - share) * tokens.mean(1)


def mean_pooling(tokens: Tensor) -> Tensor:
    """(B, T, D) to (B, D): the mean, in which the noise of T tokens cancels and what they share stays."""
    return tokens.mean(1)


def class_pooling(tokens: Tensor) -> Tensor:
    """(B, T, D) to (B, D): the first token, which stands for all."""
    return tokens[:, 0]


class SegmentPooling(nn.Module):
    """(B, T, D) to (B, K, D), K at most `at_most`: mixed pooling of equal segments, the last may be shorter.

    As many tokens as that, or fewer, are left as they are. In two steps, so that what nothing learned is computed once
    and can be kept: `pool_segments` to maxima and means, then the blend.
    """

    def __init__(self, n_tokens: int, at_most: int) -> None:
        super().__init__()
        self.length = -(-n_tokens // at_most)
        self.n_segments = -(-n_tokens // self.length)
        if self.length > 1:
            self.blend = nn.Parameter(torch.zeros(()))

    def pool_segments(self, tokens: Tensor) -> Tensor:
        """(B, T, D) to (B, 2, K, D), maxima and means of the segments; or to (B, 1, T, D), the tokens, where K is T."""
        if self.length == 1:
            return tokens.unsqueeze(1)
        whole = tokens.shape[1] // self.length * self.length
        segments = [tokens[:, :whole].unflatten(1, (-1, self.length))]  # B K length D
        if whole < tokens.shape[1]:
            segments.append(tokens[:, whole:].unsqueeze(1))
        maxima = torch.cat([part.amax(2) for part in segments], 1)  # B K D
        means = torch.cat([part.mean(2) for part in segments], 1)  # B K D
        return torch.stack([maxima, means], 1)

    def forward(self, pooled: Tensor) -> Tensor:
        """Blend what `pool_segments` gave; (B, K, D)."""
        if self.length == 1:
            return pooled[:, 0]  # B T D
        share = torch.sigmoid(self.blend)
        return share * pooled[:, 0] + (1 - share) * pooled[:, 1]


class DualEncoder(nn.Module):
    """Both encoders with their pooling and linear projection onto the unit sphere: the pre-training model."""

    def __init__(
        self,
        image_encoder: ImageEncoder | UNetEncoder,
        gene_encoder: GeneEncoder,
        projection: int,
        gene_pooling: Callable[[Tensor], Tensor],
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


class MGI(ImageGeneNetwork):
    """Segment a slice with the help of the patient's genes, or without them through a learned null token.

    Further modalities add a token each to the gene tokens; before FiLM these are averaged first, so that all count
    alike.
    """

    image_encoder: ImageEncoder | UNetEncoder

    def __init__(
        self,
        image_encoder: ImageEncoder | UNetEncoder,
        gene_encoder: GeneEncoder,
        decoder: MaskDecoder | FilmDecoder,
        size: int,
        further: FurtherModalities | None = None,
    ) -> None:
        super().__init__(image_encoder, gene_encoder, further)
        self.decoder = decoder
        self.gene_resampling = SegmentPooling(gene_encoder.tokens.n_tokens, decoder.gene_tokens)
        self.size = size

    def encode(self, genes: Tensor) -> Tensor:
        """What the decoder needs of patients' genes (U, G), as far as it depends on them and the encoder alone."""
        if self.further is None:
            return self.gene_resampling.pool_segments(self.gene_encoder(genes))
        own, others = self.further.apart(genes)
        pooled = self.gene_resampling.pool_segments(self.gene_encoder(own)).flatten(1, 2)
        return torch.cat([pooled, self.further.encode(others)], 1)

    def decode(self, image: Tensor, encoded: Tensor | None, patient: Tensor, has_genes: Tensor) -> Tensor:
        """Logits (B, 1, H, W) of slices (B, C, H, W)."""
        own, others = self.own_and_further(encoded)
        if own is None:
            # Beside further tokens a null token counts as often as genes would; alone it may stand there once.
            count = 1 if self.further is None else self.gene_resampling.n_segments
            tokens = self.null_token.expand(len(has_genes), count, -1)  # U 1 or K, D
        else:
            if self.further is not None:
                own = own.unflatten(1, (-1, self.gene_resampling.n_segments))
            known = self.gene_resampling(own)  # those with genes, K D
            null = self.null_token.to(known.dtype).expand(len(has_genes), known.shape[1], -1)
            tokens = null.index_put((has_genes.nonzero().flatten(),), known)  # U K D
        if self.further is not None:
            own_tokens = tokens.mean(1, keepdim=True) if isinstance(self.decoder, FilmDecoder) else tokens
            tokens = torch.cat([own_tokens, self.further(others, has_genes)], 1)  # U K+M D
        image_tokens, maps = self.image_encoder.with_maps(image)
        logits = self.decoder(image_tokens, tokens[patient], maps)
        return resize_logits(logits, self.size)


def build_dual_encoder(settings: ModelSettings, n_genes: int, sets: Members | None = None) -> DualEncoder:
    """The pre-training model for `n_genes` genes; `sets` are the genes of each pathway, for pathway tokens."""
    image_encoder, gene_encoder = build_image_encoder(settings), build_gene_encoder(settings, n_genes, sets)
    if gene_encoder.has_class_token:
        return DualEncoder(image_encoder, gene_encoder, settings.projection_width, class_pooling)
    pooling = MixedPooling() if settings.gene_pooling == "mixed" else mean_pooling
    return DualEncoder(image_encoder, gene_encoder, settings.projection_width, pooling)


def build_mgi(settings: ModelSettings, n_genes: int, sets: Members | None = None) -> MGI:
    """The segmentation model for `n_genes` genes; `sets` as in `build_dual_encoder`."""
    encoder, gene_encoder = build_image_encoder(settings), build_gene_encoder(settings, n_genes, sets)
    decoder = FilmDecoder(settings) if settings.fusion == "film" else MaskDecoder(settings)
    return MGI(encoder, gene_encoder, decoder, settings.image_size, build_further(settings, n_genes))


def build_image_encoder(settings: ModelSettings) -> ImageEncoder | UNetEncoder:
    """The encoder that the fusion needs."""
    return UNetEncoder(settings) if settings.fusion == "film" else ImageEncoder(settings)
