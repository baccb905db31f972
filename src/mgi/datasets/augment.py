"""Random affine changes of a batch, image and mask alike, and changes of the image's intensities."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample, pad

from mgi.datasets.prepared import StoredSlices, reader_of
from mgi.datasets.settings import AugmentSettings

BILINEAR = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP  # the matrices say where a pixel is read, not where it goes


@dataclass(frozen=True, kw_only=True)
class AugmentParams:
    """One change per slice: matrices (B, 2, 2) about the middle, gain (B,) and offset (B,).

    Of intensities also exponents `gamma` (B,), a `blur` kernel (B, K) for rows and columns alike, and the `noise`
    (B, C, S, S) to add, and `between` (B,), how far each slice moves towards the next one of its volume before all
    else; None where the settings have none.
    """

    matrix: Tensor
    gain: Tensor
    offset: Tensor
    gamma: Tensor | None = None
    blur: Tensor | None = None
    noise: Tensor | None = None
    between: Tensor | None = None

    def __getitem__(self, rows: slice) -> "AugmentParams":
        """The changes of some of the slices."""
        return self.map(lambda tensor: tensor[rows])

    def map(self, change: Callable[[Tensor], Tensor]) -> "AugmentParams":
        """The changes with each tensor changed, such as moved to a device."""
        return replace(self, **{name: change(tensor) for name, tensor in vars(self).items() if tensor is not None})


def sample_augment(shape: Sequence[int], settings: AugmentSettings, generator: torch.Generator) -> AugmentParams:
    """Draw one change per slice for images of `shape` (B, C, S, S); what is off draws no numbers."""
    batch = shape[0]
    drawn = torch.rand(4 + settings.flip, batch, generator=generator).numpy()
    turn, growth, gain, offset = drawn[[0, 1, -2, -1]] * 2 - 1  # each from -1 to 1
    mirror = np.where(drawn[2] < 0.5, -1, 1) if settings.flip else 1
    angle, scale = turn * math.radians(settings.rotation), 1 + growth * settings.scale
    cos, sin = np.cos(angle) * scale, np.sin(angle) * scale
    matrix = np.array([[cos * mirror, -sin], [sin * mirror, cos]], np.float32).transpose(2, 0, 1)

    def up_to(most: float, *more: int) -> Tensor | None:
        return torch.rand(batch, *more, generator=generator) * most if most > 0 else None

    gamma, blur, noise = up_to(2 * settings.gamma), up_to(settings.blur, 1), up_to(settings.noise, 1, 1, 1)
    share = settings.between_slices
    between = None if share == 0 else _some_of(torch.rand(2, batch, generator=generator), share)
    return AugmentParams(
        matrix=torch.from_numpy(np.ascontiguousarray(matrix)),
        gain=torch.from_numpy(1 + gain * settings.jitter),
        offset=torch.from_numpy(offset * settings.jitter),
        gamma=None if gamma is None else torch.exp2(gamma - settings.gamma),
        blur=None if blur is None else gaussian_kernel(blur, settings.blur),
        noise=None if noise is None else noise * torch.randn(*shape, generator=generator),
        between=between,
    )


def _some_of(drawn: Tensor, share: float) -> Tensor:
    """The second row of uniform numbers (2, B) where the first lies below `share`, 0 elsewhere."""
    return torch.where(drawn[0] < share, drawn[1], 0)


def gaussian_kernel(deviation: Tensor, largest: float) -> Tensor:
    """Weights (B, K) of a Gaussian of each deviation (B, 1) in pixels, up to three times the largest one."""
    half = math.ceil(3 * largest)
    places = torch.arange(-half, half + 1.0)
    weights = torch.exp(-0.5 * (places / deviation.clamp(min=1e-3)) ** 2)
    return weights / weights.sum(1, keepdim=True)


def apply_augment(channels: Tensor | StoredSlices, rows: Tensor, augment: AugmentParams, masks: int = 0) -> Tensor:
    """Rows (B,) of channels (N, C, S, S) moved bilinearly, and all but the last `masks` with gain and offset, by a CPU.

    Returns (B, C, S, S). Channels lie in memory or on disk. Beyond a slice all channels go on as at its edge, so that
    what is bright as a tumour there is called one. Each channel is first copied in its order, with gain and offset (the
    weights of a bilinear reading add up to one), into memory that stays in cache: reading pixels from main memory costs
    more than their arithmetic.
    """
    cv2.setNumThreads(torch.get_num_threads())  # by itself it takes all that the machine has
    count, side = channels.shape[1] - masks, channels.shape[-1]
    near = np.empty((side, side), np.float32)
    moved, read = torch.empty(len(rows), *channels.shape[1:]), reader_of(channels)
    matrices, middle = augment.matrix.numpy(), (side - 1) / 2
    # Of column, row and 1 (B, 2, 3): pixels are counted from the middle of the first.
    matrices = np.concatenate([matrices, middle - middle * matrices.sum(2, keepdims=True)], 2)
    each = zip(rows.tolist(), matrices, augment.gain.numpy(), augment.offset.numpy(), moved.numpy(), strict=True)
    for row, matrix, gain, offset, targets in each:
        for number, (channel, target) in enumerate(zip(read(row), targets, strict=True)):
            if number < count:
                np.multiply(channel, gain, out=near)
                np.add(near, offset, out=near)
            else:
                np.copyto(near, channel)
            cv2.warpAffine(near, matrix, (side, side), dst=target, flags=BILINEAR, borderMode=cv2.BORDER_REPLICATE)
    change_intensity(moved[:, :count], augment)
    return moved


def apply_augment_on_device(channels: Tensor, augment: AugmentParams, masks: int = 0) -> Tensor:
    """The same of channels (B, C, S, S) that a GPU holds, each with its own change."""
    moved = grid_sample(channels, _places(channels, augment), padding_mode="border", align_corners=False)
    gain, offset = (values[:, None, None, None] for values in (augment.gain, augment.offset))
    images = moved[:, : channels.shape[1] - masks].mul_(gain).add_(offset)
    change_intensity(images, augment)
    return moved


def change_intensity(images: Tensor, augment: AugmentParams) -> None:
    """Blur images (B, C, S, S), bend their intensities and add noise, in place and in this order, on any device.

    An exponent bends what lies between a slice's least and most intensity, and leaves these two: it commutes with gain
    and offset, which came before.
    """
    if augment.blur is not None:
        images.copy_(_blurred(images, augment.blur))
    if augment.gamma is not None:
        low, high = images.amin((1, 2, 3), keepdim=True), images.amax((1, 2, 3), keepdim=True)
        span = (high - low).clamp(min=1e-6)
        images.sub_(low).div_(span).pow_(augment.gamma[:, None, None, None]).mul_(span).add_(low)
    if augment.noise is not None:
        images.add_(augment.noise)


def _blurred(images: Tensor, kernel: Tensor) -> Tensor:
    """Rows, then columns: sums of shifted images, which autocast leaves in float32, where a convolution would not be.

    Beyond its edges a slice goes on as there.
    """
    side, half = images.shape[-1], kernel.shape[1] // 2
    for axis, padding in ((2, (0, 0, half, half)), (3, (half, half, 0, 0))):
        wider = pad(images, padding, mode="replicate")
        images = torch.zeros_like(images)
        for shift, weight in enumerate(kernel[:, :, None, None, None].unbind(1)):  # B 1 1 1
            images.addcmul_(weight, wider.narrow(axis, shift, side))
    return images


def _places(channels: Tensor, augment: AugmentParams) -> Tensor:
    """Where each pixel is read, (B, S, S, 2) in x and y from -1 to 1: the sum of what its column and its row give.

    That is `affine_grid` without its matrix product, of which a GPU may round the factors.
    """
    side = channels.shape[-1]
    centres = (torch.arange(side, device=channels.device) * 2 + 1) / side - 1
    of_column, of_row = (augment.matrix[:, :, axis, None] * centres for axis in (0, 1))  # B 2 S
    return (of_column[:, :, None] + of_row[:, :, :, None]).permute(0, 2, 3, 1)
