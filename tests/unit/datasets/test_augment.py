import cv2
import pytest
import torch
from torch import Tensor
from torch.nn.functional import affine_grid, grid_sample

from mgi.datasets.augment import AugmentSettings, apply_augment, apply_augment_on_device, sample_augment

STILL = AugmentSettings(scale=0.0, rotation=0.0, flip=False, jitter=0.0)
WILD = AugmentSettings(scale=0.3, rotation=60.0)
IMAGES = torch.randn(6, 1, 16, 16, generator=torch.Generator().manual_seed(0))


def blob(count: int) -> Tensor:
    """A disc left of the middle."""
    y, x = torch.meshgrid(torch.arange(32.0), torch.arange(32.0), indexing="ij")
    return ((y - 16) ** 2 + (x - 9) ** 2 < 25).float().expand(count, 1, 32, 32).clone()


def moved(images: Tensor, masks: Tensor, settings: AugmentSettings, seed: int = 0) -> tuple[Tensor, Tensor]:
    augment = sample_augment(len(images), settings, torch.Generator().manual_seed(seed))
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
    augment, rows = sample_augment(5, WILD, torch.Generator().manual_seed(2)), torch.tensor([6, 0, 2, 2, 1])
    read = images[rows]
    grid = affine_grid(torch.nn.functional.pad(augment.matrix, (0, 1)), list(read.shape), align_corners=False)
    expected = grid_sample(read, grid, padding_mode="border", align_corners=False)
    expected = expected * augment.gain[:, None, None, None] + augment.offset[:, None, None, None]
    torch.testing.assert_close(apply_augment(images, rows, augment), expected, rtol=1e-3, atol=1e-3)
    channels = apply_augment(torch.cat([images, images[:, :1]], 1), rows, augment, masks=1)
    assert torch.equal(channels[:, :-1], apply_augment(images, rows, augment))
    gain, offset = (values[:, None, None, None] for values in (augment.gain, augment.offset))
    torch.testing.assert_close(channels[:, -1:] * gain + offset, channels[:, :1], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("masks", [0, 1])
def test_a_gpu_s_arithmetic_gives_the_same_pixels(masks: int) -> None:
    channels = torch.randn(4, 2, 64, 64, generator=torch.Generator().manual_seed(1))
    augment, rows = sample_augment(3, WILD, torch.Generator().manual_seed(2)), torch.tensor([3, 1, 1])
    one, two = apply_augment(channels, rows, augment, masks), apply_augment_on_device(channels[rows], augment, masks)
    torch.testing.assert_close(one, two, rtol=1e-3, atol=1e-3)


def test_threads_change_no_pixel() -> None:
    before = torch.get_num_threads()
    images = torch.randn(2, 1, 256, 256, generator=torch.Generator().manual_seed(1))
    augment = sample_augment(2, WILD, torch.Generator().manual_seed(2))
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(apply_augment(images, torch.arange(2), augment))
        assert cv2.getNumThreads() == threads
    torch.set_num_threads(before)
    torch.testing.assert_close(*found)
