"""Hand-made features say what they are called, and agree with a library on the stains."""

import numpy as np
import pytest

from mgi.modalities.slides.handmade import NAMES, WIDTH, features_of, stains_of

GLASS, EOSIN, NUCLEUS = (255, 255, 255), (220, 90, 180), (60, 40, 120)


def tile(colour: tuple[int, int, int], px: int = 64) -> np.ndarray:
    return np.full((px, px, 3), colour, np.uint8)


def named(pixels: np.ndarray) -> dict[str, float]:
    return dict(zip(NAMES, features_of(pixels[None])[0].tolist(), strict=True))


def test_there_is_a_name_for_each_number_and_glass_has_no_stain() -> None:
    assert len(set(NAMES)) == len(NAMES) == WIDTH
    found = named(tile(GLASS))
    assert found["pale_share"] == 1.0
    assert found["haematoxylin_bin_0"] == found["eosin_bin_0"] == 1.0
    rest = {name: value for name, value in found.items() if name != "pale_share" and not name.endswith("bin_0")}
    assert set(rest.values()) == {0.0}


def test_nuclei_are_haematoxylin_and_stroma_is_eosin() -> None:
    stroma, nuclei = named(tile(EOSIN)), named(tile(NUCLEUS))
    assert stroma["eosin_mean"] > stroma["haematoxylin_mean"]
    assert nuclei["haematoxylin_mean"] > stroma["haematoxylin_mean"] + 0.5
    assert (stroma["nuclear_share"], nuclei["nuclear_share"]) == (0.0, 1.0)


def test_a_quarter_of_nuclei_is_a_quarter_with_its_rim() -> None:
    pixels = tile(EOSIN)
    pixels[16:48, 16:48] = NUCLEUS
    found = named(pixels)
    assert found["nuclear_share"] == 0.25
    assert found["nuclear_rim"] == pytest.approx(4 * 32 / 32**2)
    pixels = tile(EOSIN)
    pixels[::2, :] = NUCLEUS
    assert named(pixels)["nuclear_rim"] == pytest.approx(2, rel=0.02)


def test_stains_are_those_of_scikit_image() -> None:
    colour = pytest.importorskip("skimage.color")
    pixels = np.random.default_rng(0).integers(2, 256, (16, 16, 3), np.uint8)
    expected = colour.separate_stains(pixels, colour.hed_from_rgb)  # below 0 is 0
    found = stains_of(pixels)
    for stain in range(2):
        assert np.corrcoef(np.maximum(found[..., stain], 0).ravel(), expected[..., stain].ravel())[0, 1] > 0.9999


def test_moments_are_numpys() -> None:
    pixels = np.random.default_rng(1).integers(1, 256, (48, 40, 3), np.uint8)
    density = -np.log(pixels / 255).reshape(-1, 3)
    amounts = stains_of(pixels).reshape(-1, 3)
    found = features_of(pixels[None])[0]
    expected = np.concatenate([density.mean(0), density.std(0), amounts.mean(0), amounts.std(0)])
    assert found[:12] == pytest.approx(expected, abs=1e-4)


def test_a_tile_says_the_same_alone_and_among_others_and_turned_over() -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (5, 32, 32, 3), np.uint8)
    together = features_of(pixels)
    assert np.array_equal(together[3:4], features_of(pixels[3:4]))
    assert features_of(pixels[:, ::-1, ::-1].copy()) == pytest.approx(together, abs=1e-4)
    assert features_of(pixels.transpose(0, 2, 1, 3).copy()) == pytest.approx(together, abs=1e-4)


@pytest.mark.parametrize("value", [0, 1, 128, 255])
def test_flat_tiles_have_finite_features(value: int) -> None:
    assert np.isfinite(features_of(np.full((2, 16, 16, 3), value, np.uint8))).all()
