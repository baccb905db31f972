"""Slices of many patients as tensors at the network's size.

N slices, S pixels on a side, P patients.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import interpolate

from mgi.datasets.prepared import ABSENT, StoredSlices
from mgi.datasets.volume import FRAMES, Frame, FrameKind
from mgi.shards.grey_scale import GreyScale, grey_scale

PIECE_PIXELS = 2**18  # a MiB of them


Channels = Tensor | StoredSlices


@dataclass(frozen=True, kw_only=True)
class SliceSet:
    """Slices (N, C + 1, S, S), of which the last channel is the mask, and the patient index (N,) of each slice.

    They are a tensor, or lie on disk and are read by indexing. The image's C channels are standardised per volume; they
    lie beside the mask because a training step moves all alike and so reads one place. A mask holds the share of each
    pixel that the tumour covers, 0 to 1: an outline finer than the pixels. C is 1, or 1 + 2 k where each slice comes
    with its k neighbours on either side, for each of the image's own channels (such as T1), one channel after the
    other. `frames` say where each patient's squares lie on the slices that they were made of. The last `n_stripped`
    slices are copies without scalp of the others, in their order, for training alone: frames are those of the whole
    heads.
    """

    channels: Channels
    patient: Tensor
    patient_ids: list[str]
    frames: list[Frame]
    n_stripped: int = 0

    @property
    def images(self) -> Channels:
        """The images (N, C, S, S), a view."""
        return self.channels[:, :-1] if isinstance(self.channels, Tensor) else self.channels.of("images")

    @property
    def masks(self) -> Channels:
        """The masks (N, 1, S, S), a view."""
        return self.channels[:, -1:] if isinstance(self.channels, Tensor) else self.channels.of("masks")

    @cached_property
    def area(self) -> Tensor:
        """Tumour area (N,) of each slice, in pixels of the network's square."""
        return self.channels[:, -1:].sum((1, 2, 3)) if isinstance(self.channels, Tensor) else self.channels.area()

    @property
    def there(self) -> Tensor:
        """Which slices (N,) are of a scan; the others stand for one that a patient lacks."""
        if isinstance(self.channels, Tensor):
            return ~self.channels.flatten(1)[:, 0].isnan()
        return torch.from_numpy(self.channels.volume != ABSENT)

    @cached_property
    def rows_of(self) -> list[NDArray[np.int64]]:
        """The slices of each patient, in their order; stripped copies are among them."""
        patient = self.patient.numpy()
        bounds = np.cumsum(np.bincount(patient, minlength=len(self.patient_ids)))
        return np.split(np.argsort(patient, kind="stable"), bounds[:-1])

    def gather(self, rows: Tensor) -> Tensor:
        """Some slices (B, C + 1, S, S) in memory of their own."""
        if isinstance(self.channels, Tensor):
            return self.channels.index_select(0, rows)  # whole slices at a time; channels[rows] goes pixel by pixel
        return self.channels[rows]

    def between(self, rows: Tensor, weight: Tensor) -> Tensor:
        """Some slices (B, C + 1, S, S), each by its weight (B,) on the way to the next one of its volume, if any."""
        n_whole, last = len(self.patient) - self.n_stripped, len(self.patient) - 1
        following = (rows + 1).clamp(max=last)
        same = (self.patient[following] == self.patient[rows]) & ((following < n_whole) == (rows < n_whole))
        return torch.lerp(self.gather(rows), self.gather(torch.where(same, following, rows)), weight.view(-1, 1, 1, 1))

    def beside(self, stripped: "SliceSet") -> "SliceSet":
        """These slices, and after them their copies without scalp."""
        return replace(
            self,
            channels=_followed_by(self.channels, stripped.channels),
            patient=torch.cat([self.patient, stripped.patient]),
            n_stripped=len(stripped.channels),
        )

    def keeping(self, chosen: Tensor) -> "SliceSet":
        """The slices where `chosen` (N,) is true; every patient stays."""
        return replace(self, channels=_some(self.channels, chosen), patient=self.patient[chosen])

    def of(self, patient_ids: Sequence[str]) -> "SliceSet":
        """The slices of these patients, in the order given, without stripped copies."""
        n_whole = len(self.patient) - self.n_stripped
        place = {patient: index for index, patient in enumerate(self.patient_ids)}
        rows = [own[own < n_whole] for own in (self.rows_of[place[patient]] for patient in patient_ids)]
        return SliceSet(
            channels=_some(self.channels, torch.from_numpy(np.concatenate(rows))),
            patient=torch.from_numpy(np.repeat(np.arange(len(rows)), [len(own) for own in rows])),
            patient_ids=list(patient_ids),
            frames=[self.frames[place[patient]] for patient in patient_ids],
        )


def absent_slices(patient_ids: Sequence[str], n_channels: int = 2, frames: Sequence[Frame] = ()) -> SliceSet:
    """One slice of a single pixel for each patient, marked as left out; nothing is read."""
    return SliceSet(
        channels=torch.full((len(patient_ids), n_channels, 1, 1), torch.nan),
        patient=torch.arange(len(patient_ids)),
        patient_ids=list(patient_ids),
        frames=list(frames),
    )


def _some(channels: Channels, rows: Tensor) -> Channels:
    return channels[rows] if isinstance(channels, Tensor) else channels.choose(rows)


def _followed_by(channels: Channels, others: Channels) -> Channels:
    if isinstance(channels, Tensor) and isinstance(others, Tensor):
        return torch.cat([channels, others])
    assert isinstance(channels, StoredSlices)
    assert isinstance(others, StoredSlices)
    return channels.followed_by(others)


def prepare_slices(
    volumes: Sequence[tuple[str, NDArray[np.generic], NDArray[np.uint8] | None]],
    size: int,
    context: int = 0,
    frame: FrameKind = "none",
    of_channels: Sequence[Sequence[NDArray[np.generic]]] | None = None,
) -> SliceSet:
    """Stack (patient, volume (S, H, W), mask or None) at `size` pixels squared; a missing mask is empty.

    What lies within the volume's frame is resized with an antialiased bilinear filter, rows and columns each to `size`,
    which makes of a mask the share of each pixel that the tumour covers. Images have `context` neighbours on either
    side of the slice as further channels. Where an image has several channels, `of_channels` are its volumes (S, H, W)
    in their order, each standardised by itself; the frame is that of the patient's `volume`, which is one of them.
    """
    counts = [len(volume) for _, volume, _ in volumes]
    every = [[volume] for _, volume, _ in volumes] if of_channels is None else of_channels
    width = 1 + 2 * context
    channels = torch.empty(sum(counts), (len(every[0]) if every else 1) * width + 1, size, size)
    frames = [FRAMES[frame](volume) for _, volume, _ in volumes]
    for (_, _, mask), sources, framed, own in zip(volumes, every, frames, channels.split(counts), strict=True):
        for source, target in zip(sources, own[:, :-1].split(width, 1), strict=True):
            image = target[:, context : context + 1]
            _write_image(framed.cut(source), grey_scale(source), image)
            if context:
                target[:] = with_neighbours(image, context)
        own[:, -1:] = 0
        if mask is not None:
            _write_mask(framed.cut(mask), own[:, -1:])
    return SliceSet(
        channels=channels,
        patient=torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(counts, dtype=torch.int64)),
        patient_ids=[patient for patient, _, _ in volumes],
        frames=frames,
    )


def _write_image(framed: NDArray[np.generic], scale: GreyScale, target: Tensor) -> None:
    """Levels (S, h, w), standardised and resized, to (S, 1, size, size)."""
    for some in _pieces(framed):
        standardised = torch.empty(len(framed[some]), 1, *framed.shape[1:])
        scale.write(framed[some], standardised[:, 0].numpy())
        target[some] = _resize(standardised, target.shape[-1])


def _write_mask(framed: NDArray[np.uint8], target: Tensor) -> None:
    """Masks (S, h, w), resized, to (S, 1, size, size), which holds 0: most slices have no tumour."""
    for some in _pieces(framed):
        if framed[some].any():
            target[some] = _resize(torch.from_numpy(framed[some]).float().unsqueeze(1), target.shape[-1])


def _pieces(framed: NDArray[np.generic]) -> list[slice]:
    """As many slices at a time as stay in the processor's cache."""
    count, rows, columns = framed.shape
    length = max(1, PIECE_PIXELS // (rows * columns))
    return [slice(first, first + length) for first in range(0, count, length)]


def with_neighbours(slices: Tensor, context: int) -> Tensor:
    """A volume (S, 1, H, W) to (S, 1 + 2 context, H, W), in their order; beyond its ends the last is repeated."""
    count = len(slices)
    places = torch.arange(count).unsqueeze(1) + torch.arange(-context, context + 1)  # S C
    return slices[places.clamp(0, count - 1), 0]


def _resize(slices: Tensor, size: int) -> Tensor:
    if slices.shape[-2:] == (size, size):
        return slices
    return interpolate(slices, size=(size, size), mode="bilinear", antialias=True, align_corners=False)
