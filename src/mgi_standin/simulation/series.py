"""Imaging studies and their series as values, before they become files."""

import datetime
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mgi_standin.simulation.placement import Placement


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
