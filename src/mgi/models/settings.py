"""Sizes and choices of the models; every value is ours, because the MGI paper (arXiv:2406.00631) gives none."""

from dataclasses import dataclass
from typing import Literal

Method = Literal["mgi", "unet", "resunet", "attention_unet", "deeplabv3plus"]


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Architecture of MGI and of the networks that it is compared with.

    `image_size` is the side of the square input in pixels, `image_frame` what fills it (`mgi.datasets.frame`),
    `context_slices` the neighbours that every network sees on either side of the slice that it segments, `patch_size`
    the side of one ViT patch; `upsampling_stages` doublings lead from the patch grid to the mask decoder's output.
    `image_stem` feeds the transformer with the pixels of each patch, or with a convolutional pyramid of `stem_width`
    channels at the pixels' grid, whose maps the mask decoder joins on its way up. `convolution_norm` is what the
    pyramid, the U-Net and the ResU-Net are normalised by: each map of each slice by itself, which forgets how bright
    the slice is, or over the batch, which does not.
    (The Attention U-Net and DeepLabv3+ come with norms of their own.)

    `gene_patch` genes make one token, through one matrix for all patches (`shared`) or one each (`local`); or every
    gene is a token (`gene`), or every gene set of the file `pathways` (`pathway`). The encoders `flat_mlp` and
    `group_attention` (`gene_groups`) read genes their own way. More than `gene_tokens_at_once` tokens are encoded a few
    patients at a time and computed again in the backward pass (0: never). `gene_pooling` makes a patient's gene vector
    of the tokens in pre-training. The decoder sees at most `fusion_tokens` gene tokens.
    """

    image_size: int = 256
    image_frame: Literal["slice", "head"] = "slice"
    context_slices: int = 0
    patch_size: int = 16
    image_stem: Literal["patches", "pyramid"] = "patches"
    stem_width: int = 16
    convolution_norm: Literal["instance", "batch"] = "instance"
    image_width: int = 384
    image_depth: int = 12
    image_heads: int = 6
    gene_encoder: Literal["mamba", "transformer", "mlp", "flat_mlp", "group_attention"] = "mamba"
    gene_tokens: Literal["gene", "shared", "local", "pathway"] = "shared"
    gene_patch: int = 64
    pathways: str | None = None
    gene_groups: int = 64
    gene_tokens_at_once: int = 65536
    gene_pooling: Literal["mixed", "mean"] = "mixed"
    gene_width: int = 256
    gene_depth: int = 4
    gene_state: int = 16
    bidirectional: bool = True
    scan_backend: Literal["auto", "cpp", "triton", "torch", "mamba_ssm", "reference"] = "auto"
    projection_width: int = 128
    decoder_width: int = 256
    decoder_heads: int = 8
    decoder_depth: int = 2
    fusion_tokens: int = 1024
    upsampling_stages: int = 3
    baseline_width: int = 32

    @property
    def image_channels(self) -> int:
        """The slice and its neighbours."""
        return 1 + 2 * self.context_slices
