from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from mgi.datasets.augment import (
    AugmentSettings,
    apply_augment,
    apply_augment_on_device,
    gaussian_kernel,
    sample_augment,
)

STILL = AugmentSettings(scale=0.0, rotation=0.0, flip=False, jitter=0.0)
WILD = AugmentSettings(scale=0.3, rotation=60.0)
HARSH = WILD.but(gamma=0.7, blur=1.5, noise=0.3)
IMAGES = torch.randn(6, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def seeded(seed: int) -> torch.Generator:
    """A generator."""
    return torch.Generator().manual_seed(seed)


def blob(count: int) -> Tensor:
    """A disc left of the middle."""
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    return ((y - 16) ** 2 + (x - 9) ** 2 < 25).float().expand(count, 1, 32, 32).clone()


def moved(images: Tensor, masks: Tensor, settings: AugmentSettings, seed: int = 0) -> tuple[Tensor, Tensor]:
    augment = sample_augment(images.shape, settings, torch.Generator().manual_seed(seed))
    channels = apply_augment(torch.cat([images, masks], 1), torch.arange(len(images)), augment, masks=1)
    return channels[:, :-1], channels[:, -1:]


def test_ranges_of_zero_change_nothing() -> None:
    masks = (IMAGES > 0).float()
    images, truth = moved(IMAGES, masks, STILL)
    torch.testing.assert_close(images, IMAGES, rtol=1e-5, atol=1e-5)
    torch.testing.assert_close(truth, masks, rtol=1e-5, atol=1e-5)


def test_image_and_mask_move_together() -> None:
    settings = AugmentSettings(scale=0.2, rotation=40.0, flip=True, jitter=0.0)
    images, masks = moved(blob(20), blob(20), settings)
    assert any(not torch.equal(mask, blob(1)[0]) for mask in masks)
    agree = ((images > 0.5) == (masks > 0.5)).float().mean((1, 2, 3))
    assert agree.min() > 0.999


def test_a_mask_stays_within_zero_and_one_and_jitter_never_reaches_it() -> None:
    rotated = AugmentSettings(rotation=40.0, jitter=0.0)
    _, plain = moved(blob(8), blob(8), rotated)
    images, jittered = moved(blob(8), blob(8), rotated.but(jitter=0.5))
    assert jittered.min() == 0
    assert 0.99 < jittered.max() <= 1
    assert ((jittered > 0.01) & (jittered < 0.99)).any()  # an outline between pixels
    assert torch.equal(plain, jittered)
    assert images.max() > 1.05


def test_jitter_is_one_gain_and_one_offset_for_a_slice_within_its_range() -> None:
    images, _ = moved(blob(50), blob(50), STILL.but(jitter=0.1))
    low, high = images.amin((1, 2, 3)), images.amax((1, 2, 3))
    assert (low.abs() <= 0.1 + 1e-6).all()
    assert ((high - low - 1).abs() <= 0.1 + 1e-6).all()
    assert low.unique().numel() == 50


def test_without_flips_the_left_stays_left() -> None:
    settings = AugmentSettings(scale=0.05, rotation=15.0, flip=False, jitter=0.0)
    _, masks = moved(blob(100), blob(100), settings)
    assert (masks[..., :16].sum((1, 2, 3)) > masks[..., 16:].sum((1, 2, 3))).all()


def test_with_flips_about_half_of_the_slices_are_mirrored_exactly() -> None:
    _, masks = moved(blob(200), blob(200), STILL.but(flip=True))
    tta_flip = [torch.allclose(mask, blob(1)[0].flip(-1), atol=1e-5) for mask in masks]
    kept = [torch.allclose(mask, blob(1)[0], atol=1e-5) for mask in masks]
    assert all(one != two for one, two in zip(tta_flip, kept, strict=True))
    assert 70 < sum(tta_flip) < 130


@pytest.mark.parametrize("seed", [0, 1])
def test_a_rotation_keeps_area_and_distance_from_the_middle(seed: int) -> None:
    _, masks = moved(blob(30), blob(30), STILL.but(rotation=90.0), seed)
    areas = masks.sum((1, 2, 3))
    assert (areas - blob(1).sum()).abs().max() <= 6
    columns = torch.arange(32.0) - 15.5
    x, y = ((masks.squeeze(1) * axis).sum((1, 2)) / areas for axis in (columns, columns[:, None]))
    assert ((x**2 + y**2).sqrt() - 6.5).abs().max() < 0.5


def test_the_generator_decides_and_nothing_else() -> None:
    settings = AugmentSettings()
    torch.manual_seed(1)
    one = moved(IMAGES, IMAGES, settings)
    torch.manual_seed(2)
    two = moved(IMAGES, IMAGES, settings)
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))
    assert not torch.equal(one[0], moved(IMAGES, IMAGES, settings, seed=1)[0])


@pytest.mark.parametrize("side", [5, 16, 67])
def test_images_are_read_where_an_affine_grid_says(side: int) -> None:
    images = torch.randn(7, 3, side, side, generator=torch.Generator().manual_seed(1))
    augment, rows = sample_augment((5, 3, side, side), WILD, seeded(2)), torch.tensor([6, 0, 2, 2, 1])
    read = images[rows]
    grid = affine_grid(torch.nn.functional.pad(augment.matrix, (0, 1)), list(read.shape), align_corners=False)
    expected = grid_sample(read, grid, padding_mode="border", align_corners=False)
    expected = expected * augment.gain[:, None, None, None] + augment.offset[:, None, None, None]
    torch.testing.assert_close(apply_augment(images, rows, augment), expected, rtol=1e-3, atol=1e-3)
    channels = apply_augment(torch.cat([images, images[:, :1]], 1), rows, augment, masks=1)
    assert torch.equal(channels[:, :-1], apply_augment(images, rows, augment))
    gain, offset = (values[:, None, None, None] for values in (augment.gain, augment.offset))
    torch.testing.assert_close(channels[:, -1:] * gain + offset, channels[:, :1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("settings", [WILD, HARSH])
@pytest.mark.parametrize("masks", [0, 1])
def test_a_gpu_s_arithmetic_gives_the_same_pixels(masks: int, settings: AugmentSettings) -> None:
    channels = torch.randn(4, 2, 64, 64, generator=torch.Generator().manual_seed(1))
    augment, rows = sample_augment((3, 2 - masks, 64, 64), settings, seeded(2)), torch.tensor([3, 1, 1])
    one, two = apply_augment(channels, rows, augment, masks), apply_augment_on_device(channels[rows], augment, masks)
    torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-3)


def test_threads_change_no_pixel() -> None:
    before = torch.get_num_threads()
    images = torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(1))
    augment = sample_augment((2, 1, 256, 256), WILD, seeded(2))
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(apply_augment(images, torch.arange(2), augment))
        assert cv2.getNumThreads() == threads
    torch.set_num_threads(before)
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("key", ["gamma", "blur", "noise"])
def test_a_change_of_intensity_leaves_the_mask_and_the_other_draws_alone(key: str) -> None:
    plain, mask = moved(IMAGES, (IMAGES > 0).float(), WILD)
    changed, same = moved(IMAGES, (IMAGES > 0).float(), WILD.but(**{key: 3.0}))
    assert torch.equal(mask, same)
    assert ((plain - changed).abs().amax((1, 2, 3)) > 1e-2).sum() >= 4  # a deviation near 0 blurs nothing


def test_what_is_off_draws_no_number() -> None:
    states = []
    for settings in (
        AugmentSettings(),
        AugmentSettings(gamma=0.0, blur=0.0, noise=0.0, between_slices=0.0),
        AugmentSettings(gamma=0.1),
    ):
        generator = seeded(3)
        sample_augment((4, 1, 8, 8), settings, generator)
        states.append(generator.get_state())
    assert torch.equal(states[0], states[1])
    assert not torch.equal(states[0], states[2])


def test_an_exponent_bends_between_the_least_and_the_most_whatever_gain_and_offset() -> None:
    for seed, jitter in enumerate((0.0, 0.3)):
        images, _ = moved(IMAGES, IMAGES, STILL.but(gamma=1.0, jitter=jitter), seed)
        augment = sample_augment(IMAGES.shape, STILL.but(gamma=1.0, jitter=jitter), seeded(seed))
        assert augment.gamma is not None
        assert 0.5 <= augment.gamma.min() < 0.8 < 1.2 < augment.gamma.max() <= 2
        for found, image, gamma, gain, offset in zip(
            images, IMAGES, augment.gamma, augment.gain, augment.offset, strict=True
        ):
            low, high = image.min(), image.max()
            bent = low + (high - low) * ((image - low) / (high - low)) ** gamma
            torch.testing.assert_close(found, bent * gain + offset, rtol=1e-3, atol=1e-3)


def test_a_constant_slice_stays_constant() -> None:
    images, _ = moved(torch.full((3, 1, 8, 8), 2.0), torch.zeros(3, 1, 8, 8), STILL.but(gamma=1.0, blur=2.0))
    torch.testing.assert_close(images, torch.full((3, 1, 8, 8), 2.0))


def test_a_blur_is_opencv_s_of_the_same_deviation() -> None:
    image = IMAGES[0, 0].numpy()
    deviations = torch.tensor([[0.0], [0.4], [1.3]])
    kernels = gaussian_kernel(deviations, 1.3)
    augment = sample_augment((3, 1, 16, 16), STILL.but(jitter=0.0), seeded(0))
    blurred = apply_augment(IMAGES, torch.tensor([0, 0, 0]), replace(augment, blur=kernels))
    assert torch.allclose(blurred[0, 0], IMAGES[0, 0], atol=1e-5)
    for found, (deviation,) in zip(blurred[1:, 0], deviations[1:].tolist(), strict=True):
        expected = cv2.GaussianBlur(image, (9, 9), deviation, borderType=cv2.BORDER_REPLICATE)
        assert np.abs(found.numpy() - expected).max() < 1e-4


def test_noise_is_normal_of_a_deviation_of_its_own_for_each_slice() -> None:
    images, _ = moved(torch.zeros(60, 1, 32, 32), torch.zeros(60, 1, 32, 32), STILL.but(noise=0.5))
    deviations = images.std((1, 2, 3))
    assert deviations.max() < 0.55
    assert 0.2 < deviations.mean() < 0.3
    kurtosis = ((images / deviations[:, None, None, None]) ** 4).mean()
    assert 2.8 < kurtosis < 3.2
