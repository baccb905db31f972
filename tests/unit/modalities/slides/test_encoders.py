"""Encoders by name: without weights, or with those of a file whose digest is known."""

from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError, ConfigError, IntegrityError, MgiError, ResourceError
from mgi.core.files import sha256_of
from mgi.modalities.slides import timm_encoder
from mgi.modalities.slides.encoders import open_encoder
from mgi.modalities.slides.handmade import WIDTH
from mgi.modalities.slides.settings import SlidesSettings

MODEL = "test_vit"
TILES = np.random.default_rng(0).integers(0, 256, (20, 160, 160, 3), np.uint8)


def chosen(weights: Path, **given: object) -> SlidesSettings:
    own = {"encoder": f"timm:{MODEL}", "tile_px": 160, "weights": str(weights), "weights_sha256": sha256_of(weights)}
    return SlidesSettings.read(own | given)


def test_handmade_features_need_no_weights() -> None:
    encoder = open_encoder(SlidesSettings.read({}), None)
    assert (encoder.name, encoder.width, encoder.weights_sha256) == ("handmade", WIDTH, None)
    assert encoder.embed(TILES[:3]).shape == (3, WIDTH)


def test_a_network_of_timm_with_a_file_of_weights_gives_its_own_features(weights: Path) -> None:
    import timm
    import torch
    from safetensors.torch import load_file

    encoder = open_encoder(chosen(weights), str(weights))
    found = encoder.embed(TILES)
    network = timm.create_model(MODEL, pretrained=False).eval()
    network.load_state_dict(load_file(weights))
    config = network.default_cfg
    with torch.inference_mode():
        images = torch.from_numpy(TILES / 255.0).float().permute(0, 3, 1, 2)
        mean, sd = (torch.tensor(config[name]).view(1, 3, 1, 1) for name in ("mean", "std"))
        expected = network.forward_head(network.forward_features((images - mean) / sd), pre_logits=True).numpy()
    assert found.shape == (20, encoder.width)
    assert found == pytest.approx(expected, abs=1e-4)
    assert encoder.weights_sha256 == sha256_of(weights)
    assert encoder.embed(TILES[:0]).shape == (0, encoder.width)


def test_other_pixel_statistics_give_other_features(weights: Path) -> None:
    usual = open_encoder(chosen(weights), str(weights))
    other = open_encoder(chosen(weights, pixel_mean=[0.7, 0.6, 0.7], pixel_sd=[0.2, 0.2, 0.2]), str(weights))
    assert np.abs(usual.embed(TILES[:1]) - other.embed(TILES[:1])).max() > 1e-3


def damaged(path: Path) -> None:
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


@pytest.mark.parametrize(
    ("given", "kind", "said"),
    [
        ({"weights_sha256": "0" * 64}, IntegrityError, "sha256 .* expected 0000"),
        ({"tile_px": 256}, ConfigError, "tile_px: found 256, expected 160, which timm:test_vit reads"),
        ({"encoder": "timm:test_nothing"}, ConfigError, "encoder: found timm:test_nothing, expected a model of timm"),
        ({"encoder": "timm:test_resnet"}, BadInputError, "expected the network's own weights"),
        ({"weights_of": "resnet50", "tile_px": 256}, BadInputError, "numbers a tile, expected 1024 for resnet50"),
    ],
)
def test_what_does_not_fit_is_refused(given: dict[str, object], kind: type[MgiError], said: str, weights: Path) -> None:
    with pytest.raises(kind, match=said):
        open_encoder(chosen(weights, **given), str(weights))


def test_weights_that_are_missing_damaged_or_a_pickle_are_refused(weights: Path, tmp_path: Path) -> None:
    for name, content in (("w.pt", b"pickle"), ("w.safetensors", weights.read_bytes()[:5000])):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(BadInputError, match=rf"{name}: .*safetensors"):
            open_encoder(chosen(tmp_path / name), str(tmp_path / name))
    with pytest.raises(ConfigError, match=r"weights: found .*gone"):
        open_encoder(chosen(weights), str(tmp_path / "gone.safetensors"))
    with pytest.raises(ConfigError, match="weights: missing"):
        open_encoder(chosen(weights), None)


def test_without_timm_the_message_names_the_extra(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timm_encoder, "timm", None)
    with pytest.raises(ResourceError, match=r"timm is not installed; pip install timm torch"):
        open_encoder(chosen(weights), str(weights))
