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

FOREGROUND_PERCENTILES = (1.0, 99.5)


@dataclass(frozen=True, kw_only=True)
class SliceSet:
    """Images (N, C, S, S) standardised per volume, masks (N, 1, S, S) in {0, 1}, and the patient index (N,) of each.

    C is 1, or 1 + 2 k where each slice comes with its k neighbours on either side.
    """

    images: Tensor
    masks: Tensor
    patient: Tensor
    patient_ids: list[str]

    def of(self, patient_ids: Sequence[str]) -> "SliceSet":
        """The slices of these patients, in the order given."""
        place = {patient: index for index, patient in enumerate(self.patient_ids)}
        rows = [torch.nonzero(self.patient == place[patient]).flatten() for patient in patient_ids]
        chosen = torch.cat(rows)
        index = torch.repeat_interleave(torch.arange(len(rows)), torch.tensor([len(row) for row in rows]))
        return SliceSet(
            images=self.images[chosen], masks=self.masks[chosen], patient=index, patient_ids=list(patient_ids)
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
    low, high = np.percentile(foreground, FOREGROUND_PERCENTILES)
    centre, spread = float(foreground.mean()), float(foreground.std())
    return np.asarray((np.clip(values, min(0.0, low), high) - centre) / (spread + 1e-6), np.float32)


def prepare_slices(
    volumes: Sequence[tuple[str, NDArray[np.generic], NDArray[np.uint8] | None]], size: int, context: int = 0
) -> SliceSet:
    """Stack (patient, volume (S, H, W), mask or None) at `size` pixels squared; a missing mask is empty.

    Both are resized with an antialiased bilinear filter; a mask pixel is set where that gives a half or more. Images
    have `context` neighbours on either side of the slice as further channels.
    """
    images, masks, index = [], [], []
    for place, (_, volume, mask) in enumerate(volumes):
        slices = torch.from_numpy(standardise(volume)).unsqueeze(1)  # S 1 H W
        truth = torch.zeros_like(slices) if mask is None else torch.from_numpy(mask).float().unsqueeze(1)
        images.append(with_neighbours(_resize(slices, size), context))
        masks.append((_resize(truth, size) >= 0.5).float())
        index += [place] * len(slices)
    return SliceSet(
        images=torch.cat(images),
        masks=torch.cat(masks),
        patient=torch.tensor(index),
        patient_ids=[patient for patient, _, _ in volumes],
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
