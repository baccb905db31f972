"""What the training patients' images, masks and genes were like, so that a new patient's can be told from them.

Every limit is that of the training patients themselves; none is tuned.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from mgi.core.errors import BadInputError
from mgi.datasets.volume import standardise
from mgi.shards.image_shard import PatientImages

LEVELS = np.linspace(0.01, 0.99, 50)
FRAGMENTED = 0.05  # share of the training patients whose own masks are more fragmented than the limit
_EVERYWHERE = np.ones((3, 3, 3), dtype=bool)  # voxels that share a corner touch


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The least and the most of something among the training patients."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class TrainingRange:
    """Of `n_patients`: the mean `quantiles` of standardised intensities at LEVELS, `farthest` the largest distance of
    any of them from the mean of the others, grids, `one_body` the least share of a mask in its largest body that is
    not FRAGMENTED, and `expression` the root mean square of what the gene encoder read; None where unknown.
    """

    n_patients: int
    quantiles: tuple[float, ...]
    farthest: float
    rows: Limits
    columns: Limits
    slices: Limits
    pixel_mm: Limits | None
    slice_mm: Limits | None
    one_body: float
    expression: Limits | None


def measure(patients: Iterable[PatientImages], scaled: NDArray[np.floating] | None) -> TrainingRange:
    """The range of training patients, one volume in memory at a time; `scaled` (n, K) is what their genes became.

    Raises BadInputError where they are fewer than two.
    """
    found, shapes, steps, bodies = [], [], [], []
    pixels: list[float] = []
    for images in patients:
        found.append(intensity_quantiles(images.slices))
        shapes.append(images.slices.shape)
        pixels += images.spacing_mm or ()
        steps += [] if (step := slice_step_mm(images)) is None else [step]
        if images.masks is not None and images.masks.any():
            sizes = bodies_of(images.masks)
            bodies.append(float(sizes[0] / sizes.sum()))
    if len(found) < 2:
        raise BadInputError(f"training patients: {len(found)}, expected 2 or more to state a range")
    quantiles = np.stack(found)
    mean = quantiles.mean(axis=0)
    others = (mean * len(found) - quantiles) / (len(found) - 1)
    rms = [] if scaled is None else np.sqrt((np.asarray(scaled, np.float64) ** 2).mean(axis=1)).tolist()
    slices, rows, columns = (Limits(low=float(min(one)), high=float(max(one))) for one in zip(*shapes, strict=True))
    return TrainingRange(
        n_patients=len(found),
        quantiles=tuple(mean.tolist()),
        farthest=float(np.abs(quantiles - others).mean(axis=1).max()),
        rows=rows,
        columns=columns,
        slices=slices,
        pixel_mm=_limits(pixels),
        slice_mm=_limits(steps),
        one_body=float(np.quantile(bodies, FRAGMENTED)) if bodies else 0.0,
        expression=_limits(rms),
    )


def intensity_quantiles(volume: NDArray[np.generic]) -> NDArray[np.float64]:
    """Quantiles at LEVELS of a volume (S, H, W) as the network sees its intensities."""
    return np.quantile(standardise(volume).astype(np.float64), LEVELS)


def distance(quantiles: NDArray[np.float64], mean: Sequence[float]) -> float:
    """Between two intensity distributions, in deviations of the foreground (Wasserstein-1, from quantiles)."""
    return float(np.abs(quantiles - np.asarray(mean)).mean())


def bodies_of(mask: NDArray[np.generic]) -> NDArray[np.int64]:
    """Voxels of each connected body of a mask (S, H, W), the largest first; touching at a corner connects."""
    labels, _ = ndimage.label(mask, structure=_EVERYWHERE)
    return np.sort(np.bincount(labels.ravel())[1:])[::-1]


def slice_step_mm(images: PatientImages) -> float | None:
    """From one slice to the next; None without a geometry."""
    return None if images.affine is None else float(np.linalg.norm(images.affine[:3, 0]))


def _limits(values: Sequence[float]) -> Limits | None:
    return Limits(low=float(min(values)), high=float(max(values))) if values else None
