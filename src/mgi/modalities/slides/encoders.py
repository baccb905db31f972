"""The encoder that the settings name: from pixels of tiles to a vector each."""

from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import ConfigError
from mgi.modalities.slides import handmade
from mgi.modalities.slides.encoder_forms import require_form
from mgi.modalities.slides.settings import HANDMADE, TIMM, SlidesSettings
from mgi.modalities.slides.tiles import TileForm


class Encoder(Protocol):
    """Makes `width` numbers of each tile; `weights_sha256` says of which weights, None where there are none."""

    @property
    def name(self) -> str:
        """As the settings have it."""
        ...

    @property
    def width(self) -> int:
        """Numbers a tile."""
        ...

    @property
    def weights_sha256(self) -> str | None:
        """Digest of the file of weights."""
        ...

    def embed(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Tiles (n, px, px, 3) as vectors (n, width)."""
        ...


class Handmade:
    """Colours, stain, nuclei and texture; see handmade.NAMES."""

    name = HANDMADE
    width = handmade.WIDTH
    weights_sha256 = None

    def embed(self, tiles: NDArray[np.uint8]) -> NDArray[np.float32]:
        """The features of each tile."""
        return handmade.features_of(tiles)


def tile_form(chosen: SlidesSettings) -> TileForm:
    """The tiles that the settings ask for."""
    return TileForm(px=chosen.tile_px, mpp=chosen.mpp, min_tissue=chosen.min_tissue)


def open_encoder(chosen: SlidesSettings, weights: str | None) -> Encoder:
    """The encoder with its weights, `weights` being where they lie.

    Raises ConfigError where they are not given, BadInputError where they are not the encoder's or the tiles' size is
    another than it was trained on, ResourceError where what it needs is not installed.
    """
    if chosen.encoder == HANDMADE:
        return Handmade()
    if weights is None or chosen.weights_sha256 is None:
        raise ConfigError(f"--input: weights: missing, expected the file of modalities.slides.weights for {TIMM}")
    from mgi.modalities.slides.timm_encoder import TimmEncoder  # others need no torch

    encoder = TimmEncoder(
        chosen.encoder,
        Path(weights),
        sha256=chosen.weights_sha256,
        px=chosen.tile_px,
        resizes=chosen.weights_of is not None,
        pixels=None if chosen.pixel_mean is None else (chosen.pixel_mean, chosen.pixel_sd or ()),
    )
    require_form(chosen.weights_of, px=chosen.tile_px, mpp=chosen.mpp, width=encoder.width, where="modalities.slides")
    return encoder
