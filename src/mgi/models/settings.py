"""Sizes and choices of the models; every value is ours, because the MGI paper (arXiv:2406.00631) gives none."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mgi.core.run import EXPRESSION
from mgi.core.section import Count, Section, UserPath, refusal, unit
from mgi.models.encoder_names import known_encoder
from mgi.shards.channels import MAIN_ALONE, Channel

MOST = 65_536  # of what a layer has side by side
Method = Literal["mgi", "unet", "resunet", "attention_unet", "deeplabv3plus"]
HALVINGS = 4  # from the image to the coarsest maps of the networks beside MGI
HALVING: tuple[Method, ...] = ("resunet", "attention_unet", "deeplabv3plus")
"""Networks that take no side but one that can be halved so often; U-Net pads what is odd."""
GeneEncoderName = Annotated[str, AfterValidator(known_encoder)]
SlideEncoderName = Literal["transformer", "gated_attention", "mean"]

_SIZED = (
    "image_size", "patch_size", "image_width", "image_depth", "image_heads", "gene_width", "gene_depth", "gene_state",
    "projection_width", "decoder_width", "decoder_heads", "decoder_depth", "upsampling_stages", "baseline_width",
    "slide_width", "slide_depth", "slide_heads",
)  # fmt: skip
SIZES: Mapping[str, Mapping[str, int]] = {
    "tiny": dict(zip(_SIZED, (32, 8, 16, 1, 2, 16, 1, 4, 16, 16, 2, 1, 2, 4, 16, 1, 2), strict=True)),
    "small": dict(zip(_SIZED, (64, 8, 128, 2, 4, 64, 1, 16, 64, 128, 4, 1, 3, 16, 64, 2, 4), strict=True)),
    "base": dict(zip(_SIZED, (256, 16, 384, 12, 6, 256, 4, 16, 128, 256, 8, 2, 3, 64, 256, 2, 8), strict=True)),
}
"""What goes together: tiny only tests, small learns on a CPU in hours, base needs a GPU."""
OF_SLIDES = ("slide_encoder", "slide_width", "slide_depth", "slide_heads", "max_tiles")
"""Keys that matter where slides are read."""


class ModelSettings(Section):
    """Architecture of MGI and of the networks that it is compared with."""

    renamed: ClassVar = {"image_frame": "image_crop (slice → none, head → foreground)"}
    by_size: ClassVar = SIZES
    # Not kept with the numbers that it stands for: those say what a trained model is.
    size: Literal["tiny", "small", "base"] = Field(default="base", exclude=True)
    """Sides, widths, depths and heads that go together: tiny only tests; small learns on a CPU; base needs a GPU. A key
    below that is named wins."""
    image_size: Annotated[int, Field(ge=16, le=4096), unit("pixels")] = SIZES["base"]["image_size"]
    """Side of the square input; a multiple of patch_size."""
    image_crop: Literal["none", "foreground"] = "none"
    """What fills that square; none: the whole slice; foreground: the box around the volume's foreground."""
    context_slices: Annotated[int, Field(ge=0, le=100)] = 0
    """Neighbours on either side of a slice that every network sees too (2.5D); 0: the slice alone."""
    fusion: Literal["decoder", "film"] = "decoder"
    """How MGI joins image and genes; decoder: attention between tokens of a transformer and of genes; film: the U-Net
    of baseline_width, whose bottleneck the mean gene token scales and shifts; keys of the transformer, the stem and the
    mask decoder do not matter then."""
    patch_size: Annotated[int, Field(ge=2, le=4096), unit("pixels")] = SIZES["base"]["patch_size"]
    """Side of one patch of the vision transformer; a power of two for image_stem conv."""
    image_stem: Literal["patch_embed", "conv"] = "patch_embed"
    """patch_embed: the transformer sees the pixels of each patch; conv: a pyramid of maps of convolutions, which the
    decoder joins on its way up."""
    stem_width: Annotated[int, Field(ge=1, le=MOST)] = 16
    """Channels of the pyramid at the pixels' grid, doubled at each level below."""
    convolution_norm: Literal["instance", "batch"] = "instance"
    """Of the pyramid, U-Net and ResU-Net (the others come with norms of their own): instance: each map by itself, which
    forgets how bright a slice is; batch: over the batch, which does not."""
    image_width: Annotated[int, Field(ge=8, le=MOST)] = SIZES["base"]["image_width"]
    """Width of the image tokens; a multiple of image_heads."""
    image_depth: Annotated[int, Field(ge=1, le=1000)] = SIZES["base"]["image_depth"]
    """Blocks of the image encoder."""
    image_heads: Annotated[int, Field(ge=1, le=MOST)] = SIZES["base"]["image_heads"]
    """Attention heads of the image encoder."""
    gene_encoder: GeneEncoderName = "mamba"
    """mamba, transformer, mlp (a perceptron on each token), flat_mlp (one on all genes together), group_attention
    (groups of genes and a class token), or one that a file of plugins registers."""
    encoders: dict[str, GeneEncoderName] = Field(default={})
    """Encoders of the further modalities of pretrain.modalities, by name, of those above; flat_mlp where none is given.
    The keys about genes give their widths and depths."""
    gene_tokens: Literal["gene", "shared", "local", "pathway"] = "shared"
    """For mamba, transformer and mlp: shared: one matrix embeds every patch of genes; local: one matrix for each; gene:
    every gene is a token; pathway: every gene set."""
    gene_patch: Annotated[int, Field(ge=1, le=1_000_000)] = 64
    """Genes in one token, for shared and local."""
    pathways: UserPath | None = None
    """For gene_tokens pathway: path of a .gmt file of gene sets."""
    gene_groups: Annotated[int, Field(ge=1, le=MOST)] = 64
    """Groups of consecutive genes, for group_attention."""
    gene_tokens_at_once: Count = 65536
    """Tokens of all patients together; more are encoded a few patients at a time, and again in the backward pass: less
    memory, more time; 0: no limit."""
    gene_pooling: Literal["mixed", "mean"] = "mixed"
    """What makes a patient's vector of the tokens in pre-training; mixed: a learned blend of maximum and mean; mean;
    not for group_attention."""
    gene_width: Annotated[int, Field(ge=8, le=MOST)] = SIZES["base"]["gene_width"]
    """Width of the gene tokens."""
    gene_depth: Annotated[int, Field(ge=1, le=1000)] = SIZES["base"]["gene_depth"]
    """Blocks of the gene encoder."""
    gene_state: Annotated[int, Field(ge=1, le=MOST)] = SIZES["base"]["gene_state"]
    """State size of the selective scan, for mamba."""
    gene_decays: Literal["free", "tied"] = "free"
    """Rates at which the states of the scan forget, for mamba; free: one is learned for each state of a channel; tied:
    one for each channel, whose states forget 1, 2, 3, … times as fast, as free ones do at the start; fewer exponentials
    on a CPU, and less that can be learned."""
    bidirectional: bool = True
    """The scan also runs from the last gene to the first, for mamba."""
    scan_backend: Literal["auto", "cpp", "triton", "torch", "mamba_ssm", "reference"] = "auto"
    """What computes the scan: auto: the fastest that can run here; cpp: CPU, needs g++ or clang++; triton, mamba_ssm:
    GPU; torch: anywhere; reference: token by token, for tests."""
    projection_width: Annotated[int, Field(ge=2, le=MOST)] = SIZES["base"]["projection_width"]
    """Width of the space in which genes and images are aligned."""
    decoder_width: Annotated[int, Field(ge=8, le=MOST)] = SIZES["base"]["decoder_width"]
    """Width of the mask decoder; a multiple of twice decoder_heads."""
    decoder_heads: Annotated[int, Field(ge=1, le=MOST)] = SIZES["base"]["decoder_heads"]
    """Attention heads of the mask decoder."""
    decoder_depth: Annotated[int, Field(ge=1, le=1000)] = SIZES["base"]["decoder_depth"]
    """Two-way attention blocks of the mask decoder."""
    fusion_tokens: Annotated[int, Field(ge=1, le=1_000_000)] = 1024
    """Most gene tokens that the mask decoder sees; of more, runs of neighbours are pooled."""
    upsampling_stages: Annotated[int, Field(ge=0, le=5)] = SIZES["base"]["upsampling_stages"]
    """Doublings from the patch grid towards the mask."""
    baseline_width: Annotated[int, Field(ge=4, le=MOST)] = SIZES["base"]["baseline_width"]
    """Width of the first level of the networks beside MGI."""
    slide_encoder: SlideEncoderName = "transformer"
    """What makes one vector of a slide's tiles; transformer: attention between tiles at their places and a class token;
    gated_attention: a mean weighed by attention (Ilse et al. 2018); mean: all tiles alike."""
    slide_width: Annotated[int, Field(ge=8, le=MOST)] = SIZES["base"]["slide_width"]
    """Width of the tiles' tokens; a multiple of 4 and of slide_heads."""
    slide_depth: Annotated[int, Field(ge=1, le=1000)] = SIZES["base"]["slide_depth"]
    """Blocks of the slide encoder, for transformer."""
    slide_heads: Annotated[int, Field(ge=1, le=MOST)] = SIZES["base"]["slide_heads"]
    """Attention heads of the slide encoder, for transformer."""
    max_tiles: Annotated[int, Field(ge=2, le=100_000)] = 512
    """Most tiles of a slide that a training step sees, drawn at random; what is tested sees all, or 4096 of more."""

    @model_validator(mode="after")
    def _sides_and_widths_can_be_shared(self) -> Self:
        if self.fusion == "film":
            return self
        if self.image_stem == "conv" and self.patch_size & (self.patch_size - 1):
            raise refusal("patch_size", self.patch_size, "a power of two, for image_stem conv")
        shares = (
            ("image_size", self.patch_size, "patch_size"),
            ("image_width", self.image_heads, "image_heads"),
            ("decoder_width", 2 * self.decoder_heads, "twice decoder_heads"),  # attention across has half the width
        )
        for key, step, meaning in shares:
            if (found := getattr(self, key)) % step:
                raise refusal(key, found, f"a multiple of {step}, {meaning}")
        return self

    @model_validator(mode="after")
    def _slide_width_can_be_shared(self) -> Self:
        step, heads = math.lcm(4, self.slide_heads), self.slide_heads
        if self.slide_width % step:
            raise refusal("slide_width", self.slide_width, f"a multiple of {step}, for {heads} heads")
        return self

    @property
    def image_channels(self) -> int:
        """The slice and its neighbours."""
        return 1 + 2 * self.context_slices

    @property
    def numbers_of_further(self) -> Mapping[str, int]:
        """By name the numbers of the modalities beside expression that a fine-tuned network reads; none here."""
        return {}

    @property
    def reads_expression(self) -> bool:
        """Whether a fine-tuned network reads expression; here it does."""
        return True

    @property
    def numbers_of_tile(self) -> int | None:
        """Numbers of a slide's tile, of a network that reads slides; none here."""
        return None

    @property
    def numbers_of_tile_beside(self) -> int | None:
        """The same of a network that reads scans and slides; none here."""
        return None

    def plain(self) -> dict[str, Any]:
        """As of any section; of no further encoders, and of slides and decays by default, nothing is said: weights are
        as before there were any."""
        silent = (*OF_SLIDES, "gene_decays")
        usual = {"encoders": {}, **{key: ModelSettings.model_fields[key].default for key in silent}}
        return {key: value for key, value in super().plain().items() if key not in usual or value != usual[key]}

    def for_modality(self, name: str) -> Self:
        """The settings with the encoder of one modality as the gene encoder; gene sets are of expression alone."""
        if name == EXPRESSION:
            return self
        tokens = "shared" if self.gene_tokens == "pathway" else self.gene_tokens
        return self.model_copy(update={"gene_encoder": self.encoders.get(name, "flat_mlp"), "gene_tokens": tokens})

    def reading(
        self,
        channels: tuple[Channel, ...],
        further: Mapping[str, int] | None = None,
        tile_width: int | None = None,
        tile_width_beside: int | None = None,
        *,
        expression: bool = True,
    ) -> "NetworkSettings":
        """The settings of a network of images with these channels, and of further modalities of so many numbers.

        With a `tile_width` it reads slides, whose tiles have so many numbers; with `tile_width_beside` slides beside
        scans. Without `expression` it reads the further modalities alone.
        """
        numbers = {name: (further or {})[name] for name in sorted(further or {})}
        more: dict[str, Any] = {"channels": channels, "further": numbers, "expression": expression}
        more |= {"tile_width": tile_width, "tile_width_beside": tile_width_beside}
        return NetworkSettings.model_validate({**dict(self), **more})


class NetworkSettings(ModelSettings):
    """Architecture of one network: what the config says, and the channels that the images of its shard have."""

    channels: Annotated[tuple[Channel, ...], Field(strict=False)] = MAIN_ALONE
    """What of an image it reads, in this order."""
    further: dict[str, Annotated[int, Field(ge=1)]] = Field(default={})
    """Numbers of each modality beside expression that it reads once fine-tuned."""
    expression: bool = True
    """Whether it reads expression once fine-tuned, beside these modalities."""
    tile_width: Annotated[int, Field(ge=1)] | None = None
    """Numbers of a slide's tile, where slides are the image; null: they are not."""
    tile_width_beside: Annotated[int, Field(ge=1)] | None = None
    """The same of slides that are read beside a scan; null: there are none."""

    @property
    def image_channels(self) -> int:
        """The slice and its neighbours, of every channel."""
        return len(self.channels) * super().image_channels

    @property
    def numbers_of_further(self) -> Mapping[str, int]:
        """By name the numbers of the modalities beside expression that it reads."""
        return self.further

    @property
    def reads_expression(self) -> bool:
        """Whether it reads expression, and not further modalities alone."""
        return self.expression

    @property
    def numbers_of_tile(self) -> int | None:
        """Numbers of a slide's tile where slides are the image; None where they are not."""
        return self.tile_width

    @property
    def numbers_of_tile_beside(self) -> int | None:
        """Numbers of a slide's tile where slides are read beside a scan; None where they are not."""
        return self.tile_width_beside

    def plain(self) -> dict[str, Any]:
        """As of any section; of FLAIR alone, expression, no further modalities and no slides nothing is said, as before
        there was anything else."""
        usual: dict[str, Any] = {"channels": ["flair"], "further": {}, "expression": True}
        usual |= {"tile_width": None, "tile_width_beside": None}
        said = {key: value for key, value in super().plain().items() if key not in usual or value != usual[key]}
        if self.tile_width or self.tile_width_beside:
            return said
        return {key: value for key, value in said.items() if key not in OF_SLIDES}
