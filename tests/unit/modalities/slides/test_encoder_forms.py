"""Published encoders get the tiles that they were trained on, or nothing."""

import pytest

from mgi.core.errors import BadInputError, ConfigError
from mgi.modalities.slides.encoder_forms import FORMS, require_form
from mgi.modalities.slides.settings import SlidesSettings

BY_TIMM = {"encoder": "timm:vit_large_patch16_224", "weights": "w.safetensors", "weights_sha256": "0" * 64}


@pytest.mark.parametrize("name", FORMS)
def test_an_encoder_takes_its_own_tiles(name: str) -> None:
    own = FORMS[name]
    require_form(name, px=own.px, mpp=own.mpp, width=own.width, where="x")
    require_form(None, px=1, mpp=9.0, width=1, where="x")


@pytest.mark.parametrize(
    ("px", "mpp", "width", "said"),
    [
        (224, 0.5, 1024, "tile_px: found 224, expected 256 for uni_v1"),
        (256, 0.25, 1024, r"mpp: found 0\.25, expected 0\.5 for uni_v1"),
        (256, 0.5, 1536, "1536 numbers a tile, expected 1024 for uni_v1"),
    ],
)
def test_another_size_resolution_or_width_is_refused(px: int, mpp: float, width: int, said: str) -> None:
    with pytest.raises(BadInputError, match=f"^x: {said}"):
        require_form("uni_v1", px=px, mpp=mpp, width=width, where="x")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (BY_TIMM | {"weights_of": "uni_v1", "tile_px": 224}, "slides.tile_px: found 224, expected 256 for uni_v1"),
        (BY_TIMM | {"weights_of": "ctranspath"}, r"slides.mpp: found 0\.5, expected 1 for ctranspath"),
        (BY_TIMM | {"weights_of": "uni"}, "slides.weights_of: found .*uni"),
        ({"encoder": "timm:resnet18"}, "slides.weights: found null, expected the weights of timm:resnet18"),
        ({"weights": "w.safetensors"}, "slides.weights: found .*expected null, since encoder is handmade"),
        ({"weights_of": "uni_v1"}, "slides.weights_of: .*since encoder is handmade"),
        ({"encoder": "resnet18"}, "slides.encoder: "),
        (BY_TIMM | {"pixel_mean": [0.5, 0.5, 0.5]}, "slides.pixel_sd: "),
        ({"source": "precomputed", "encoder": BY_TIMM["encoder"]}, "slides.encoder: .*only source folder"),
        ({"source": "precomputed", "weights_of": "uni_v1", "tile_px": 512}, "slides.tile_px: found 512, expected 256"),
    ],
)
def test_settings_that_do_not_go_together_are_refused(given: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SlidesSettings.read(given, where="slides")


def test_settings_that_go_together_are_taken() -> None:
    assert SlidesSettings.read(BY_TIMM | {"weights_of": "uni_v1"}).weights_of == "uni_v1"
    assert SlidesSettings.read({"source": "precomputed", "weights_of": "uni_v1"}).tile_px == 256
