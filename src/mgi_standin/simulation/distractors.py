"""Series that a careless selector would take for the FLAIR: T1 series with FLAIR in their name, and other planes."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.identifiers import uid_of
from mgi_standin.simulation.series import AXIAL, CORONAL, SAGITTAL, Axes, Placement, Series, Weighting

PIXELS = 64
FIELD_MM = 240.0
SAGITTAL_T1, CORONAL_T1, SAGITTAL_FLAIR, REFORMATTED = 0.5, 0.35, 0.10, 0.12  # chance of each


def draw_distractors(flair: Series, held: Availability, study_uid: str, rng: np.random.Generator) -> tuple[Series, ...]:
    """T1 series called FLAIR with as many images or more, and now and then a sagittal or reformatted FLAIR."""
    n_images = len(flair.slices) + int(rng.integers(0, 4))
    t1 = Weighting(
        echo_ms=round(rng.uniform(8, 28), 1),
        repetition_ms=float(rng.integers(1500, 3001)),
        inversion_ms=float(rng.integers(700, 1001)),
    )
    name, placement = "AX T1 FLAIR", _around(flair.placement, n_images, AXIAL)
    if held.mask_on_t1_grid:
        placement = _finer(flair.placement, rng)
    elif rng.random() < SAGITTAL_T1 or not held.has_flair:
        name, placement = "SAG T1 FLAIR", _around(flair.placement, n_images, SAGITTAL)
    distractors = [_distractor(placement, name, 3, t1, study_uid)]
    if rng.random() < CORONAL_T1 or not held.has_flair:
        placement = _around(flair.placement, n_images, CORONAL)
        distractors.append(_distractor(placement, "COR  T1 POST GD FLAIR", 12, t1, study_uid))
    if rng.random() < SAGITTAL_FLAIR and held.has_flair:
        placement = _around(flair.placement, len(flair.slices), SAGITTAL)
        distractors.append(_distractor(placement, "SAG FLAIR", 9, flair.weighting, study_uid))
    if rng.random() < REFORMATTED and held.has_flair:
        placement = _around(flair.placement, n_images, AXIAL)
        reformatted = _distractor(placement, "AX FLAIR MPR", 90, flair.weighting, study_uid)
        distractors.append(replace(reformatted, image_type=("DERIVED", "SECONDARY", "MPR")))
    return tuple(distractors)


def _around(placement: Placement, n_slices: int, axes: Axes) -> Placement:
    """A coarse grid over the same head in another direction."""
    spacing_mm = (round(150.0 / n_slices, 2), FIELD_MM / PIXELS, FIELD_MM / PIXELS)
    return replace(placement, shape=(n_slices, PIXELS, PIXELS), spacing_mm=spacing_mm, axes=axes)


def _finer(placement: Placement, rng: np.random.Generator) -> Placement:
    """A grid parallel to the FLAIR's with smaller voxels, more of them, and another origin; it covers the same head."""
    slices, rows, _ = placement.shape
    slice_mm, row_mm, _ = placement.spacing_mm
    pixels, n_slices = round(1.25 * rows), round(slices / 0.8) + 2
    pixel_mm = 1.08 * row_mm * rows / pixels
    return replace(
        placement,
        shape=(n_slices, pixels, pixels),
        spacing_mm=(0.8 * slice_mm, pixel_mm, pixel_mm),
        centre_mm=placement.centre_mm + np.round(rng.uniform(-2.0, 2.0, 3), 3),
    )


def _distractor(placement: Placement, description: str, number: int, weighting: Weighting, study_uid: str) -> Series:
    slices = tuple(range(placement.shape[0]))
    return Series(
        uid=uid_of(study_uid, description),
        number=number,
        description=description,
        image_type=("ORIGINAL", "PRIMARY", "OTHER"),
        weighting=weighting,
        placement=placement,
        stored=_noise_head(placement.shape),
        slope=1.0,
        run_length_encoded=False,
        slices=slices,
        instance_numbers=tuple(index + 1 for index in slices),
    )


def _noise_head(shape: tuple[int, int, int]) -> NDArray[np.uint16]:
    """A noisy ellipse, the same in every distractor of this shape: their content is never meant to be used."""
    rng = np.random.default_rng(list(shape))
    rows, columns = (np.linspace(-1, 1, size) for size in shape[1:])
    inside = (rows[:, None] / 0.85) ** 2 + (columns / 0.75) ** 2 < 1.0
    return np.asarray((250 * inside + rng.integers(0, 120, shape)).astype(np.uint16))
