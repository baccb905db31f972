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
from mgi.models.image_gene_network import Encoded, ImageGeneNetwork
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
    alike. Without a gene encoder there are their tokens alone.
    """

    image_encoder: ImageEncoder | UNetEncoder

    def __init__(
        self,
        image_encoder: ImageEncoder | UNetEncoder,
        gene_encoder: GeneEncoder | None,
        decoder: MaskDecoder | FilmDecoder,
        size: int,
        further: FurtherModalities | None = None,
    ) -> None:
        super().__init__(image_encoder, gene_encoder, further)
        self.decoder = decoder
        if gene_encoder is not None:
            self.gene_resampling = SegmentPooling(gene_encoder.tokens.n_tokens, decoder.gene_tokens)
        self.size = size

    @property
    def n_own_rows(self) -> int:
        """T: K tokens, or maxima and means of K segments."""
        resampling = self.gene_resampling
        return resampling.n_segments * (1 if resampling.length == 1 else 2)

    def encode_own(self, genes: Tensor) -> Tensor:
        """Expression (R, G) to segments of its tokens, not yet blended (R, T, D)."""
        assert self.gene_encoder is not None
        return self.gene_resampling.pool_segments(self.gene_encoder(genes)).flatten(1, 2)

    def tokens(self, encoded: Tensor | None, has_genes: Tensor) -> Tensor:
        """What the decoder reads of U patients (U, K + M, D), of M further modalities; alone a null token is one."""
        apart = self.apart(encoded, has_genes)
        if self.further is None:
            return self._own_tokens(apart, len(has_genes))
        others: Tensor = self.further(apart.others, has_genes)  # U M D
        if self.gene_encoder is None:
            return others
        own = self._own_tokens(apart, len(has_genes))
        own = own.mean(1, keepdim=True) if isinstance(self.decoder, FilmDecoder) else own
        return torch.cat([own, others], 1)

    def _own_tokens(self, apart: Encoded, n_patients: int) -> Tensor:
        """Of expression alone (U, K, D)."""
        n_segments = self.gene_resampling.n_segments
        if apart.own is None:
            # Beside further tokens a null token counts as often as genes would; alone it may stand there once.
            return self.null_token.expand(n_patients, 1 if self.further is None else n_segments, -1)
        known = self.gene_resampling(apart.own.unflatten(1, (-1, n_segments)))  # those who have it, K D
        null = self.null_token.to(known.dtype).expand(n_patients, n_segments, -1)
        return null.index_put((apart.places,), known)

    def see(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Tokens (B, T, D) of slices (B, C, H, W), and maps, finest first."""
        return self.image_encoder.with_maps(image)

    def decode(
        self, seen: tuple[Tensor, list[Tensor]], encoded: Tensor | None, patient: Tensor, has_genes: Tensor
    ) -> Tensor:
        """Logits (B, 1, H, W) of slices."""
        tokens = self.tokens(encoded, has_genes)
        image_tokens, maps = seen
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
    encoder = build_image_encoder(settings)
    gene_encoder = build_gene_encoder(settings, n_genes, sets) if settings.reads_expression else None
    decoder = FilmDecoder(settings) if settings.fusion == "film" else MaskDecoder(settings)
    return MGI(encoder, gene_encoder, decoder, settings.image_size, build_further(settings, n_genes))


def build_image_encoder(settings: ModelSettings) -> ImageEncoder | UNetEncoder:
    """The encoder that the fusion needs."""
    return UNetEncoder(settings) if settings.fusion == "film" else ImageEncoder(settings)
