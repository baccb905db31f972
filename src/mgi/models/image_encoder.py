"""The image encoder: a timm vision transformer over one FLAIR slice.

B batch, H W pixels, T tokens (H / patch squared), D width.
"""

import torch
from torch import Tensor, nn

from mgi.models.settings import ModelSettings
from mgi.models.torchvision_ops import allow_torchvision_without_cuda


class ImageEncoder(nn.Module):
    """(B, 1, H, W) to patch tokens (B, T, D), without the class token; no downloaded weights."""

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        allow_torchvision_without_cuda()
        from timm.models.vision_transformer import VisionTransformer

        self.width = settings.image_width
        self.grid = settings.image_size // settings.patch_size
        self.vit = VisionTransformer(
            img_size=settings.image_size,
            patch_size=settings.patch_size,
            in_chans=1,
            num_classes=0,
            global_pool="",
            embed_dim=settings.image_width,
            depth=settings.image_depth,
            num_heads=settings.image_heads,
        )

    def forward(self, image: Tensor, hidden: Tensor | None = None, mask_token: Tensor | None = None) -> Tensor:
        """Encode a slice; patches that are `hidden` (B, T) are replaced by `mask_token` (D,) before their position."""
        vit = self.vit
        if hidden is None or mask_token is None:
            tokens: Tensor = vit(image)  # B 1+T D
        else:
            patches = torch.where(hidden.unsqueeze(-1), mask_token.to(image.dtype), vit.patch_embed(image))
            tokens = vit.norm(vit.blocks(vit.norm_pre(vit._pos_embed(patches))))
        return tokens[:, vit.num_prefix_tokens :]
