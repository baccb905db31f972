"""Imaging studies and their series as values, before they become files, and where their slices lie in the patient.

Coordinates are LPS (x to the patient's left, y to the back, z to the head), in millimetres.
"""

import datetime
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Axes = NDArray[np.float64]  # unit vectors of one step in slice, row and column (3, 3)

AXIAL: Axes = np.array([[0.0, 0.0, 1.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
SAGITTAL: Axes = np.array([[-1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
CORONAL: Axes = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A grid of voxels: shape and spacing in the order slice, row, column, about a centre."""

    shape: tuple[int, int, int]
    spacing_mm: tuple[float, float, float]
    axes: Axes
    centre_mm: NDArray[np.float64]

    def corner_mm(self, index: int) -> NDArray[np.float64]:
        """Centre of the first voxel of a slice (ImagePositionPatient)."""
        steps = np.array([index, 0, 0]) - (np.array(self.shape) - 1) / 2
        return np.asarray(self.centre_mm + (steps * self.spacing_mm) @ self.axes)

    def orientation(self) -> list[float]:
        """Direction of growing columns, then of growing rows (ImageOrientationPatient)."""
        return [*self.axes[2].tolist(), *self.axes[1].tolist()]


@dataclass(frozen=True, kw_only=True)
class Weighting:
    """Times of the pulse sequence in milliseconds."""

    echo_ms: float
    repetition_ms: float
    inversion_ms: float


@dataclass(frozen=True, kw_only=True)
class Series:
    """One MR series: `stored` (S, H, W) in geometric order, and per image its slice and InstanceNumber."""

    uid: str
    number: int
    description: str
    image_type: tuple[str, ...]
    weighting: Weighting
    placement: Placement
    stored: NDArray[np.uint16]
    slope: float | None
    run_length_encoded: bool
    slices: tuple[int, ...]
    instance_numbers: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class MaskSeries:
    """A segmentation drawn on a series of the same study: `mask` (S, H, W) and the slices that have a frame."""

    uid: str
    number: int
    description: str
    source: Series
    mask: NDArray[np.bool_]
    slices: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Study:
    """Series of one visit, in one frame of reference."""

    uid: str
    frame_uid: str
    patient_id: str
    sex: str
    age_years: int
    date: datetime.date
    description: str
    vendor: tuple[str, str]
    series: tuple[Series, ...]
    mask: MaskSeries | None


def tilt(axes: Axes, about_x_degrees: float, about_y_degrees: float) -> Axes:
    """The axes after the head is nodded (x) and leaned (y)."""
    x, y = np.radians([about_x_degrees, about_y_degrees])
    nod = np.array([[1, 0, 0], [0, np.cos(x), -np.sin(x)], [0, np.sin(x), np.cos(x)]])
    lean = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    return np.asarray(axes @ (lean @ nod).T)


def resample_mask(mask: NDArray[np.bool_], source: Placement, target: Placement) -> NDArray[np.bool_]:
    """The mask on another grid with the same axes, by nearest neighbour; outside the source it is empty.

    Raises ValueError where the axes differ.
    """
    if not np.allclose(source.axes, target.axes):
        raise ValueError("the grids point in different directions; only parallel grids are resampled")
    shift_mm = (target.centre_mm - source.centre_mm) @ source.axes.T
    nearest, inside = [], []
    for axis in range(3):
        at_mm = (np.arange(target.shape[axis]) - (target.shape[axis] - 1) / 2) * target.spacing_mm[axis]
        index = np.rint((at_mm + shift_mm[axis]) / source.spacing_mm[axis] + (source.shape[axis] - 1) / 2)
        inside.append((index >= 0) & (index < source.shape[axis]))
        nearest.append(np.clip(index, 0, source.shape[axis] - 1).astype(int))
    return np.asarray(mask[np.ix_(*nearest)] & inside[0][:, None, None] & inside[1][:, None] & inside[2])
