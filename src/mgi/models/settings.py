"""Sizes and choices of the models; every value is ours, because the MGI paper (arXiv:2406.00631) gives none."""

from dataclasses import dataclass
from typing import Literal

Method = Literal["mgi", "unet", "resunet", "attention_unet", "deeplabv3plus"]


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """Architecture of MGI and of the networks that it is compared with.

    `image_size` is the side of the square input in pixels, `patch_size` that of one ViT patch; `upsampling_stages`
    doublings lead from the patch grid to the mask decoder's output. `gene_patch` genes make one token, through one
    matrix for all patches (`shared`) or one each (`local`).
    """

    image_size: int = 256
    patch_size: int = 16
    image_width: int = 384
    image_depth: int = 12
    image_heads: int = 6
    gene_encoder: Literal["mamba", "transformer", "mlp"] = "mamba"
    gene_tokens: Literal["shared", "local"] = "shared"
    gene_patch: int = 64
    gene_width: int = 256
    gene_depth: int = 4
    gene_state: int = 16
    bidirectional: bool = True
    scan_backend: Literal["auto", "cpp", "triton", "torch", "mamba_ssm", "reference"] = "auto"
    projection_width: int = 128
    decoder_width: int = 256
    decoder_heads: int = 8
    decoder_depth: int = 2
    upsampling_stages: int = 3
    baseline_width: int = 32
