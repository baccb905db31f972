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
    """Clip (S, H, W) to its own foreground percentiles and scale to mean 0 and deviation 1 there; nothing is fitted.

    The foreground is what lies above the volume's mean of all voxels, which leaves out the air. A constant volume
    gives zeros.
    """
    counted = volume.dtype.kind in "iu" and volume.dtype.itemsize <= 2
    found = _foreground_by_count(volume) if counted else _foreground(volume.astype(np.float32))
    standardised = np.zeros(volume.shape, np.float32)
    if found is None:
        return standardised
    (low, high), centre, spread = found
    for pixels, own in zip(volume, standardised, strict=True):  # a slice at a time stays in the processor's cache
        own[...] = pixels
        np.clip(own, np.float32(min(0.0, low)), np.float32(high), out=own)
        own -= np.float32(centre)
        own /= np.float32(spread + 1e-6)
    return standardised


def _foreground(values: NDArray[np.float32]) -> tuple[NDArray[np.float64], float, float] | None:
    """Percentiles, mean and deviation of what lies above the mean; None where nothing does."""
    foreground = values[values > values.mean()]
    if foreground.size == 0:
        return None
    return np.percentile(foreground, FOREGROUND_PERCENTILES), float(foreground.mean()), float(foreground.std())


def _foreground_by_count(volume: NDArray[np.generic]) -> tuple[NDArray[np.float64], float, float] | None:
    """The same of whole numbers, which are counted instead of sorted."""
    least, most = int(volume.min()), int(volume.max())
    counts = np.zeros(most - least + 1, np.int64)
    for pixels in volume:
        above_least = torch.from_numpy(np.subtract(pixels, least, dtype=np.int32))
        counts += torch.bincount(above_least.flatten(), minlength=len(counts)).numpy()
    levels = np.arange(least, most + 1, dtype=np.float64)
    counts[levels <= np.average(levels, weights=counts)] = 0
    if not counts.any():
        return None
    centre = float(np.average(levels, weights=counts))
    spread = float(np.sqrt(np.average((levels - centre) ** 2, weights=counts)))
    return _percentiles_by_count(levels, counts), centre, spread


def _percentiles_by_count(levels: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """The foreground's percentiles as `np.percentile` has them, of values of which each stands for its count."""
    upto = np.cumsum(counts)
    place = (upto[-1] - 1) * (np.array(FOREGROUND_PERCENTILES) / 100)
    below, above = (levels[np.searchsorted(upto, row, side="right")] for row in (np.floor(place), np.ceil(place)))
    return np.asarray(below + (above - below) * (place - np.floor(place)))


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
