"""The image encoder: a timm vision transformer over one FLAIR slice, on its patches or on a convolutional pyramid.

B batch, C the slice and its neighbours, H W pixels, T tokens (H / patch squared), D width.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from mgi.models.conv_stem import ConvStem
from mgi.models.narrow_import import TIMM, deferred
from mgi.models.settings import ModelSettings
from mgi.models.torchvision_ops import allow_torchvision_without_cuda


class ImageEncoder(nn.Module):
    """(B, C, H, W) to patch tokens (B, T, D), without the class token; no downloaded weights.

    >>> ImageEncoder(ModelSettings(size="tiny"))(torch.zeros(2, 1, 32, 32)).shape  # slices, patches, image_width
    torch.Size([2, 16, 16])
    """

    def __init__(self, settings: ModelSettings) -> None:
        super().__init__()
        allow_torchvision_without_cuda()
        with deferred(TIMM):
            from timm.models.vision_transformer import VisionTransformer

        self.width = settings.image_width
        self.grid = settings.image_size // settings.patch_size
        channels = settings.image_channels
        self.pyramid = (
            ConvStem(settings.stem_width, settings.patch_size, channels, settings.convolution_norm)
            if settings.image_stem == "conv"
            else None
        )
        self.vit = VisionTransformer(
            img_size=settings.image_size if self.pyramid is None else self.grid,
            patch_size=settings.patch_size if self.pyramid is None else 1,
            in_chans=channels if self.pyramid is None else self.pyramid.channels[-1],
            num_classes=0,
            global_pool="",
            embed_dim=settings.image_width,
            depth=settings.image_depth,
            num_heads=settings.image_heads,
        )

    def forward(self, image: Tensor, hidden: Tensor | None = None, mask_token: Tensor | None = None) -> Tensor:
        """Encode a slice; patches that are `hidden` (B, T) are replaced by `mask_token` (D,) before their position."""
        if hidden is None or mask_token is None:
            return self.with_maps(image)[0]
        vit = self.vit
        if self.pyramid is not None:  # its convolutions would see into hidden patches from beside them
            cells = hidden.unflatten(1, (self.grid, self.grid)).unsqueeze(1).to(image.dtype)
            image = image * (1 - interpolate(cells, size=image.shape[-2:]))
        patches = vit.patch_embed(self._maps(image)[-1] if self.pyramid is not None else image)
        patches = torch.where(hidden.unsqueeze(-1), mask_token.to(image.dtype), patches)
        tokens: Tensor = vit.norm(vit.blocks(vit.norm_pre(vit._pos_embed(patches))))
        return tokens[:, vit.num_prefix_tokens :]

    def with_maps(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The tokens, and the maps of the pyramid, finest first; none where patches are embedded as they are."""
        maps = self._maps(image)
        tokens: Tensor = self.vit(maps[-1] if maps else image)  # B 1+T D
        return tokens[:, self.vit.num_prefix_tokens :], maps

    def _maps(self, image: Tensor) -> list[Tensor]:
        return [] if self.pyramid is None else self.pyramid(image)
