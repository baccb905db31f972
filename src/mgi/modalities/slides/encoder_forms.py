"""What published encoders of tiles expect: pixels, resolution and numbers a tile. A mismatch is the commonest mistake.

Source: the table of patch encoders in TRIDENT's README (mahmoodlab/TRIDENT, 0.3.0). At 20x a pixel is half a
micrometre, at 10x a whole one. The weights are not here: most are handed out on request alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from mgi.core.errors import BadInputError

_SAME_MPP = 0.05  # share by which a stated resolution may differ


@dataclass(frozen=True, kw_only=True)
class EncoderForm:
    """Pixels of a tile on a side, micrometres a pixel, and numbers a tile."""

    px: int
    width: int
    mpp: float = 0.5

    def mismatch(self, px: int, mpp: float) -> tuple[str, float, float] | None:
        """The setting that does not fit with what was found and expected, or None."""
        if px != self.px:
            return "tile_px", px, self.px
        return ("mpp", mpp, self.mpp) if abs(mpp - self.mpp) > _SAME_MPP * self.mpp else None


FORMS: Mapping[str, EncoderForm] = {
    "uni_v1": EncoderForm(px=256, width=1024),
    "uni_v2": EncoderForm(px=256, width=1536),
    "conch_v1": EncoderForm(px=512, width=512),
    "conch_v15": EncoderForm(px=512, width=768),
    "virchow": EncoderForm(px=224, width=2560),
    "virchow2": EncoderForm(px=224, width=2560),
    "phikon": EncoderForm(px=224, width=768),
    "phikon_v2": EncoderForm(px=224, width=1024),
    "gigapath": EncoderForm(px=256, width=1536),
    "hoptimus0": EncoderForm(px=224, width=1536),
    "hoptimus1": EncoderForm(px=224, width=1536),
    "musk": EncoderForm(px=384, width=1024),
    "ctranspath": EncoderForm(px=256, width=768, mpp=1.0),
    "kaiko_vits16": EncoderForm(px=256, width=384),
    "lunit_vits8": EncoderForm(px=224, width=384),
    "resnet50": EncoderForm(px=256, width=1024),
}


def require_form(name: str | None, *, px: int, mpp: float, width: int, where: str) -> None:
    """Refuse tiles and vectors that the named encoder cannot have; no name, no check."""
    if name is None:
        return
    form = FORMS[name]
    if wrong := form.mismatch(px, mpp):
        raise BadInputError(f"{where}: {wrong[0]}: found {wrong[1]:g}, expected {wrong[2]:g} for {name}")
    if width != form.width:
        raise BadInputError(f"{where}: {width} numbers a tile, expected {form.width} for {name}")
