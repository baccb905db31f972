"""What may make a mask untrustworthy, each as a named flag with what was found and what training had."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.modalities.rna.new_patient import NewExpression
from mgi.release.training_range import Limits, TrainingRange, bodies_of, distance, intensity_quantiles, slice_step_mm
from mgi.shards.image_shard import PatientImages

_ROUNDING = 1e-3  # of a limit: spacings and sums of squares are rounded on their way


@dataclass(frozen=True)
class Flag:
    """One warning: `flag` names its kind; `found` and `expected` are in the unit that `message` states."""

    flag: str
    found: Any
    expected: Any
    message: str


@dataclass(frozen=True, kw_only=True)
class MaskFacts:
    """Of a mask; `volume_ml` is None where the image has no geometry, `largest_share` where it is empty."""

    voxels: int
    slices: int
    volume_ml: float | None
    bodies: int
    largest_share: float | None


def mask_facts(mask: NDArray[np.uint8], affine: NDArray[np.float64] | None) -> MaskFacts:
    """Count a mask (S, H, W); `affine` gives the volume of a voxel."""
    sizes = bodies_of(mask)
    voxels = int(sizes.sum())
    return MaskFacts(
        voxels=voxels,
        slices=int(mask.any(axis=(1, 2)).sum()),
        volume_ml=None if affine is None else round(voxels * abs(float(np.linalg.det(affine[:3, :3]))) / 1000, 3),
        bodies=len(sizes),
        largest_share=round(float(sizes[0]) / voxels, 4) if voxels else None,
    )


def image_flags(images: PatientImages, trained: TrainingRange, warning: str | None) -> Iterator[Flag]:
    """Flags of the image alone; `warning` is why its own header says that it is no axial FLAIR."""
    if warning is not None:
        yield Flag("not_flair", warning, "an axial FLAIR", f"may be no axial FLAIR: {warning}")
    found = distance(intensity_quantiles(images.slices), trained.quantiles)
    if found > trained.farthest:
        message = (
            f"intensities are {found:.3f} deviations from those of training, farther than any of its "
            f"{trained.n_patients} patients from the others (at most {trained.farthest:.3f})"
        )
        yield Flag("intensity", round(found, 4), round(trained.farthest, 4), message)
    n_slices, rows, columns = images.slices.shape
    yield from _outside("rows", rows, trained.rows, "pixels")
    yield from _outside("columns", columns, trained.columns, "pixels")
    yield from _outside("slices", n_slices, trained.slices, "slices")
    for side in dict.fromkeys(images.spacing_mm or ()):
        yield from _outside("pixel_mm", side, trained.pixel_mm, "mm")
    yield from _outside("slice_mm", slice_step_mm(images), trained.slice_mm, "mm")


def mask_flags(facts: MaskFacts, trained: TrainingRange) -> Iterator[Flag]:
    """Flags of the mask: nothing in it, or in more pieces than the masks of training."""
    if facts.largest_share is None:
        yield Flag("empty", 0, "some tumour", "the mask is empty")
    elif facts.largest_share < trained.one_body:
        message = (
            f"{facts.bodies} bodies, the largest with {facts.largest_share:.0%} of the mask; of the masks of "
            f"training 19 in 20 have at least {trained.one_body:.0%} in one"
        )
        yield Flag("fragmented", facts.largest_share, round(trained.one_body, 4), message)


def gene_flags(
    expression: NewExpression | None, scaled: NDArray[np.floating] | None, trained: TrainingRange
) -> Iterator[Flag]:
    """Flags of the patient's genes: some missing, or values of another size than those of training."""
    if expression is None or scaled is None:
        return
    if missing := len(expression.missing):
        message = f"{missing} of {expression.n_genes} genes have no value; the training mean stands for each"
        yield Flag("missing_genes", missing, 0, message)
    rms = float(np.sqrt((np.asarray(scaled, np.float64) ** 2).mean()))
    yield from _outside("expression", rms, trained.expression, "(root mean square of the scaled genes)")


def _outside(name: str, found: float | None, limits: Limits | None, unit: str) -> Iterator[Flag]:
    """A flag where both are known and the one lies beyond the other."""
    if found is None or limits is None:
        return
    slack = _ROUNDING * max(abs(limits.low), abs(limits.high))
    if not limits.low - slack <= found <= limits.high + slack:
        same = limits.low == limits.high
        expected = f"{limits.low:.4g}" if same else f"{limits.low:.4g} to {limits.high:.4g}"
        message = f"{name} {found:.4g} {unit}, training had {expected}"
        yield Flag(name, round(float(found), 4), [round(limits.low, 4), round(limits.high, 4)], message)
