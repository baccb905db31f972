import numpy as np
import pytest
import torch
from torch.nn.functional import interpolate

from mgi.datasets.slices import prepare_slices
from mgi.datasets.volume import standardise

RNG = np.random.default_rng(0)


def volume(*shape: int) -> np.ndarray:
    return RNG.integers(0, 400, shape).astype(np.int16)


def test_the_foreground_is_clipped_and_standardised_by_hand() -> None:
    # Mean 7.5, so the foreground is 10 and 20: percentiles 10.1 and 19.95, centre 15, deviation 5.
    found = standardise(np.array([[[0, 0], [10, 20]]], np.int16))
    np.testing.assert_allclose(found, [[[-3, -3], [-1, 0.99]]], rtol=1e-5)
    assert found.dtype == np.float32


@pytest.mark.parametrize("level", [0, 7, -3])
def test_a_constant_volume_becomes_zeros(level: int) -> None:
    assert not standardise(np.full((2, 3, 3), level, np.int16)).any()


def test_gain_of_the_scanner_changes_nothing() -> None:
    one = volume(3, 8, 8)
    np.testing.assert_allclose(standardise(one), standardise(one.astype(np.float32) * 50), atol=1e-4)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16])
def test_whole_numbers_are_counted_to_what_sorting_gives(dtype: type[np.integer]) -> None:
    for size in (1, 2, 3, 10, 57):
        pixels = RNG.gamma(1, 60, (2, size, size)).clip(0, 120).astype(dtype)
        if np.dtype(dtype).kind == "i":
            pixels -= 40
        np.testing.assert_allclose(standardise(pixels), standardise(pixels.astype(np.float32)), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16])
def test_levels_are_counted_over_the_whole_range_of_their_type(dtype: type[np.integer]) -> None:
    pixels = RNG.integers(np.iinfo(dtype).min, np.iinfo(dtype).max, (2, 40, 40), dtype, endpoint=True)
    pixels[0, 0, :2] = np.iinfo(dtype).min, np.iinfo(dtype).max
    turned = pixels.transpose(0, 2, 1)
    expected = standardise(pixels.astype(np.float32))
    np.testing.assert_allclose(standardise(pixels), expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(standardise(turned), expected.transpose(0, 2, 1), rtol=1e-4, atol=1e-4)


def test_each_volume_is_standardised_by_itself() -> None:
    one, two = volume(2, 8, 8), volume(2, 8, 8) * 7
    alone = prepare_slices([("A", one, None)], 8)
    together = prepare_slices([("A", one, None), ("B", two, None)], 8)
    assert torch.equal(alone.images, together.images[:2])
    assert together.patient.tolist() == [0, 0, 1, 1]
    assert together.patient_ids == ["A", "B"]


def test_at_the_native_size_nothing_is_resampled() -> None:
    pixels, mask = volume(2, 8, 8), RNG.integers(0, 2, (2, 8, 8)).astype(np.uint8)
    prepared = prepare_slices([("A", pixels, mask)], 8)
    assert np.array_equal(prepared.images[:, 0].numpy(), standardise(pixels))
    assert np.array_equal(prepared.masks[:, 0].numpy(), mask)


def test_a_mask_holds_the_share_of_each_pixel_that_the_tumour_covers() -> None:
    mask = np.zeros((1, 32, 32), np.uint8)
    mask[0, :, :12] = 1  # three columns of a quarter of the size, the filter reaching into the neighbours
    rows = prepare_slices([("A", volume(1, 32, 32), mask)], 8).masks[0, 0].numpy()
    np.testing.assert_allclose(rows, [[1, 1, 0.875, 0.125, 0, 0, 0, 0]] * 8, atol=1e-6)


def test_an_outline_finer_than_the_pixels_is_found_again_on_the_patients_grid() -> None:
    y, x = np.mgrid[:64, :64]
    disc = ((y - 30.2) ** 2 + (x - 33.7) ** 2 < 13.4**2)[None]
    coverage = prepare_slices([("A", volume(1, 64, 64), disc.astype(np.uint8))], 16).masks
    whole = torch.from_numpy(disc[None])

    def dice(mask: torch.Tensor) -> float:
        again = interpolate(mask, size=(64, 64), mode="bilinear") >= 0.5
        return float(2 * (again & whole).sum() / (again.sum() + whole.sum()))

    assert dice(coverage) > 0.985 > 0.97 > dice((coverage >= 0.5).float())


def test_slices_of_any_shape_come_out_square_with_shares_of_zero_to_one() -> None:
    pixels = volume(3, 20, 12)
    prepared = prepare_slices([("A", pixels, (pixels > 200).astype(np.uint8))], 16)
    assert prepared.images.shape == prepared.masks.shape == (3, 1, 16, 16)
    assert 0 <= prepared.masks.min() < 0.1
    assert 0.9 < prepared.masks.max() <= 1


def test_a_missing_mask_is_empty() -> None:
    assert not prepare_slices([("A", volume(2, 8, 8), None)], 4).masks.any()


def test_of_picks_patients_in_the_order_asked_for() -> None:
    volumes = [(name, volume(count, 8, 8), None) for name, count in (("A", 2), ("B", 3), ("C", 1))]
    everyone = prepare_slices(volumes, 8)
    some = everyone.of(["C", "A"])
    assert some.patient_ids == ["C", "A"]
    assert some.patient.tolist() == [0, 1, 1]
    assert torch.equal(some.images, everyone.images[[5, 0, 1]])
    assert torch.equal(some.masks, everyone.masks[[5, 0, 1]])
    with pytest.raises(KeyError):
        everyone.of(["Z"])


def test_a_slice_comes_with_its_neighbours_of_the_same_patient_and_its_own_mask() -> None:
    volumes = [
        (name, volume(count, 8, 8), RNG.integers(0, 2, (count, 8, 8)).astype(np.uint8))
        for name, count in (("A", 3), ("B", 1))
    ]
    alone, found = prepare_slices(volumes, 8), prepare_slices(volumes, 8, context=2)
    places = [[0, 0, 0, 1, 2], [0, 0, 1, 2, 2], [0, 1, 2, 2, 2], [3] * 5]
    assert torch.equal(found.images, alone.images.squeeze(1)[torch.tensor(places)])
    assert torch.equal(found.masks, alone.masks)


@pytest.mark.parametrize("context", [0, 1])
def test_each_channel_is_standardised_by_itself_and_comes_with_its_own_neighbours(context: int) -> None:
    mask = RNG.integers(0, 2, (3, 8, 8)).astype(np.uint8)
    flair, pre, lacking = volume(3, 8, 8), volume(3, 8, 8) * 9, np.zeros((3, 8, 8), np.int16)
    given = {"size": 8, "context": context, "frame": "foreground"}
    found = prepare_slices([("A", flair, mask)], **given, of_channels=[[pre, flair, lacking]])
    alone = prepare_slices([("A", flair, mask)], **given)
    width = 1 + 2 * context
    assert found.channels.shape == (3, 3 * width + 1, 8, 8)
    assert torch.equal(found.images[:, width : 2 * width], alone.images)
    assert torch.equal(found.masks, alone.masks)
    assert found.frames == alone.frames
    framed = found.frames[0].cut(torch.from_numpy(standardise(pre))).unsqueeze(1)
    own = interpolate(framed, size=(8, 8), mode="bilinear", antialias=True)
    torch.testing.assert_close(found.images[:, context : context + 1], own, rtol=1e-4, atol=1e-4)
    assert not found.images[:, 2 * width :].any()


def test_stripped_copies_come_after_the_whole_slices_and_are_not_picked() -> None:
    volumes = [(name, volume(count, 8, 8), None) for name, count in (("A", 2), ("B", 3))]
    whole = prepare_slices(volumes, 8)
    stripped = prepare_slices([(name, one // 2, mask) for name, one, mask in volumes], 8)
    both = whole.beside(stripped)
    assert torch.equal(both.channels, torch.cat([whole.channels, stripped.channels]))
    assert both.patient.tolist() == [0, 0, 1, 1, 1] * 2
    assert (both.n_stripped, both.patient_ids, both.frames) == (5, whole.patient_ids, whole.frames)
    assert torch.equal(both.of(["B"]).images, whole.of(["B"]).images)


def test_a_slice_moves_towards_the_next_of_its_own_volume_and_the_last_of_one_stays() -> None:
    volumes = [(name, volume(count, 8, 8), np.ones((count, 8, 8), np.uint8)) for name, count in (("A", 2), ("B", 3))]
    whole = prepare_slices(volumes, 8)
    both = whole.beside(prepare_slices([(name, one // 2, None) for name, one, _ in volumes], 8))
    rows, weight = torch.tensor([0, 1, 4, 9, 5]), torch.tensor([0.25, 0.25, 0.5, 1.0, 0.75])
    expected = both.channels[rows].clone()
    expected[0] = 0.75 * both.channels[0] + 0.25 * both.channels[1]
    expected[4] = 0.25 * both.channels[5] + 0.75 * both.channels[6]
    torch.testing.assert_close(both.between(rows, weight), expected)
