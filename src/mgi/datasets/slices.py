"""Slices of many patients as tensors at the network's size.

N slices, S pixels on a side, P patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from mgi.datasets.frame import FRAMES, Frame, FrameKind

FOREGROUND_PERCENTILES = (1.0, 99.5)


@dataclass(frozen=True, kw_only=True)
class SliceSet:
    """Slices as planes (N, C + 1, S, S), of which the last is the mask, and the patient index (N,) of each slice.

    The image's C planes are standardised per volume; they lie beside the mask because a training step moves all alike
    and so reads one place in memory. A mask holds the share of each pixel that the tumour covers, 0 to 1: an outline
    finer than the pixels. C is 1, or 1 + 2 k where each slice comes with its k neighbours on either side. `frames` say
    where each patient's squares lie on the slices that they were made of.
    """

    planes: Tensor
    patient: Tensor
    patient_ids: list[str]
    frames: list[Frame]

    @property
    def images(self) -> Tensor:
        """The images (N, C, S, S), a view."""
        return self.planes[:, :-1]

    @property
    def masks(self) -> Tensor:
        """The masks (N, 1, S, S), a view."""
        return self.planes[:, -1:]

    def of(self, patient_ids: Sequence[str]) -> "SliceSet":
        """The slices of these patients, in the order given."""
        place = {patient: index for index, patient in enumerate(self.patient_ids)}
        rows = [torch.nonzero(self.patient == place[patient]).flatten() for patient in patient_ids]
        chosen = torch.cat(rows)
        index = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor([len(row) for row in rows]))
        return SliceSet(
            planes=self.planes[chosen],
            patient=index,
            patient_ids=list(patient_ids),
            frames=[self.frames[place[patient]] for patient in patient_ids],
        )


def standardise(volume: NDArray[np.generic]) -> NDArray[np.float32]:
    """Clip to the volume's own foreground percentiles and scale to mean 0 and deviation 1 there; nothing is fitted.

    The foreground is what lies above the volume's mean of all voxels, which leaves out the air. A constant volume
    gives zeros.
    """
    values = volume.astype(np.float32)
    foreground = values[values > values.mean()]
    if foreground.size == 0:
        return np.zeros_like(values)
    few_levels = volume.dtype.kind in "iu" and volume.dtype.itemsize <= 2
    low, high = _percentiles_by_count(foreground) if few_levels else np.percentile(foreground, FOREGROUND_PERCENTILES)
    centre, spread = float(foreground.mean()), float(foreground.std())

    def scaled(grey: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((np.clip(grey, min(0.0, low), high) - centre) / (spread + 1e-6), np.float32)

    if not few_levels:
        return scaled(values)
    least, most = int(volume.min()), int(volume.max())
    shades = scaled(np.arange(least, most + 1, dtype=np.float32))  # one per grey level, then looked up
    return np.asarray(shades[np.subtract(volume, least, dtype=np.intp)], np.float32)


def _percentiles_by_count(whole: NDArray[np.float32]) -> NDArray[np.float64]:
    """The foreground's percentiles, bit by bit those of `np.percentile`: whole numbers are counted, not sorted."""
    least = int(whole.min())
    upto = np.cumsum(np.bincount(whole.astype(np.intp) - least))
    place = (whole.size - 1) * (np.array(FOREGROUND_PERCENTILES) / 100)
    share = place - np.floor(place)
    below, above = (
        np.searchsorted(upto, row, side="right") + float(least) for row in (np.floor(place), np.ceil(place))
    )
    step = above - below
    return np.where(share < 0.5, below + step * share, above - step * (1 - share))


def prepare_slices(
    volumes: Sequence[tuple[str, NDArray[np.generic], NDArray[np.uint8] | None]],
    size: int,
    context: int = 0,
    frame: FrameKind = "slice",
) -> SliceSet:
    """Stack (patient, volume (S, H, W), mask or None) at `size` pixels squared; a missing mask is empty.

    What lies within the volume's frame is resized with an antialiased bilinear filter, rows and columns each to `size`,
    which makes of a mask the share of each pixel that the tumour covers. Images have `context` neighbours on either
    side of the slice as further channels.
    """
    counts = [len(volume) for _, volume, _ in volumes]
    planes = torch.empty(sum(counts), 1 + 2 * context + 1, size, size)
    frames = [FRAMES[frame](volume) for _, volume, _ in volumes]
    for (_, volume, mask), framed, own in zip(volumes, frames, planes.split(counts), strict=True):
        slices = framed.cut(torch.from_numpy(standardise(volume)).unsqueeze(1))  # S 1 h w
        own[:, :-1] = with_neighbours(_resize(slices, size), context)
        own[:, -1:] = 0 if mask is None else _resize(framed.cut(torch.from_numpy(mask)).float().unsqueeze(1), size)
    return SliceSet(
        planes=planes,
        patient=torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts, dtype=torch.int64)),
        patient_ids=[patient for patient, _, _ in volumes],
        frames=frames,
    )


def with_neighbours(slices: Tensor, context: int) -> Tensor:
    """A volume (S, 1, H, W) to (S, 1 + 2 context, H, W), in their order; beyond its ends the last is repeated."""
    if context == 0:
        return slices
    count = len(slices)
    places = torch.arange(count).unsqueeze(1) + torch.arange(-context, context + 1)  # S C
    return slices[places.clamp(0, count - 1), 0]


def _resize(slices: Tensor, size: int) -> Tensor:
    if slices.shape[-2:] == (size, size):
        return slices
    return interpolate(slices, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
