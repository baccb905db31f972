"""What the training patients' images, masks and genes were like, and flags where a new patient's are unlike them.

Every limit is that of the training patients themselves; none is tuned. What lies far beyond one is no such patient.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.datasets.volume import standardise
from mgi.modalities.flair.brain import without_scalp
from mgi.modalities.rna.new_patient import NewExpression
from mgi.release.mask_summary import MaskSummary, bodies_of
from mgi.shards.image_shard import PatientImages

LEVELS = np.linspace(0.01, 0.99, 50)
FRAGMENTED = 0.05  # share of the training patients whose own masks are more fragmented than the limit
FAR = 2.0  # times a limit; the limits are extremes, beyond which lies one patient like theirs in about their number


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The least and the most of something among the training patients."""

    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Intensities:
    """Mean `quantiles` of standardised volumes at LEVELS; `farthest`: the largest distance of one from the others."""

    quantiles: tuple[float, ...]
    farthest: float


@dataclass(frozen=True, kw_only=True)
class TrainingRange:
    """Of `n_patients`: the mean `quantiles` of standardised intensities at LEVELS, `farthest` the largest distance of
    any of them from the mean of the others, grids, `one_body` the least share of a mask in its largest body that is
    not FRAGMENTED, and `expression` the root mean square of what the gene encoder read; None where unknown.
    `stripped` are the intensities of their copies without scalp, where the network was trained on such.
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
    stripped: Intensities | None = None

    def nearest(self, quantiles: NDArray[np.float64]) -> tuple[float, float]:
        """Distance and limit of the kind of volume that was trained on, and is nearest by its limit."""
        kinds = [Intensities(quantiles=self.quantiles, farthest=self.farthest)]
        kinds += [] if self.stripped is None else [self.stripped]
        found = [(distance(quantiles, kind.quantiles), kind.farthest) for kind in kinds]
        return min(found, key=lambda one: one[0] / max(one[1], 1e-9))


@dataclass(frozen=True)
class Flag:
    """One warning: `flag` names its kind; `found` and `expected` are in the unit that `message` states.

    `far`: the model has never seen the like of the image, and its mask means nothing.
    """

    flag: str
    found: Any
    expected: Any
    message: str
    far: bool = False


def measure(patients: Iterable[PatientImages], rms: Sequence[float], *, stripped: bool = False) -> TrainingRange:
    """The range of training patients, one volume in memory at a time; `rms` are sizes of their scaled genes, if any.

    With `stripped` also that of their copies without scalp. Raises BadInputError where they are fewer than two.
    """
    found, shapes, steps, bodies = [], [], [], []
    without: list[NDArray[np.float64]] = []
    pixels: list[float] = []
    for images in patients:
        found.append(intensity_quantiles(images.slices))
        without += [intensity_quantiles(without_scalp(images.slices))] if stripped else []
        shapes.append(images.slices.shape)
        pixels += images.spacing_mm or ()
        steps += [] if (step := slice_step_mm(images)) is None else [step]
        if images.masks is not None and images.masks.any():
            sizes = bodies_of(images.masks)
            bodies.append(float(sizes[0] / sizes.sum()))
    if len(found) < 2:
        raise BadInputError(f"training patients: {len(found)}, expected 2 or more to state a range")
    quantiles = np.stack(found)
    slices, rows, columns = (Limits(low=float(min(one)), high=float(max(one))) for one in zip(*shapes, strict=True))
    return TrainingRange(
        n_patients=len(found),
        quantiles=tuple(quantiles.mean(axis=0).tolist()),
        farthest=farthest_of(quantiles),
        rows=rows,
        columns=columns,
        slices=slices,
        pixel_mm=limits_of(pixels),
        slice_mm=limits_of(steps),
        one_body=float(np.quantile(bodies, FRAGMENTED)) if bodies else 0.0,
        expression=limits_of(rms),
        stripped=_intensities(np.stack(without)) if without else None,
    )


def root_mean_squares(scaled: NDArray[np.floating]) -> list[float]:
    """The size of each patient's scaled genes (n, K)."""
    found: list[float] = np.sqrt((np.asarray(scaled, np.float64) ** 2).mean(axis=1)).tolist()
    return found


def _intensities(quantiles: NDArray[np.float64]) -> Intensities:
    return Intensities(quantiles=tuple(quantiles.mean(axis=0).tolist()), farthest=farthest_of(quantiles))


def intensity_quantiles(volume: NDArray[np.generic]) -> NDArray[np.float64]:
    """Quantiles at LEVELS of a volume (S, H, W) as the network sees its intensities."""
    ordered = np.sort(standardise(volume), axis=None)  # a tenth of the time that fifty partitions take
    return np.quantile(ordered.astype(np.float64), LEVELS)


def farthest_of(quantiles: NDArray[np.float64]) -> float:
    """The largest distance of one of several patients' quantiles (P, 50) from the mean of the others."""
    others = (quantiles.sum(axis=0) - quantiles) / (len(quantiles) - 1)
    return float(np.abs(quantiles - others).mean(axis=1).max())


def distance(quantiles: NDArray[np.float64], mean: Sequence[float]) -> float:
    """Between two intensity distributions, in deviations of the foreground (Wasserstein-1, from quantiles)."""
    return float(np.abs(quantiles - np.asarray(mean)).mean())


def slice_step_mm(images: PatientImages) -> float | None:
    """From one slice to the next; None without a geometry."""
    return None if images.affine is None else float(np.linalg.norm(images.affine[:3, 0]))


def limits_of(values: Sequence[float]) -> Limits | None:
    """The least and the most of some values; None of none."""
    return Limits(low=float(min(values)), high=float(max(values))) if values else None


def image_flags(
    images: PatientImages, trained: TrainingRange, warning: str | None, not_axial: str | None = None
) -> Iterator[Flag]:
    """Flags of the image alone; `warning` and `not_axial` are why its own header says that it is no FLAIR, not axial.

    Far is another sequence, and intensities or millimetres beyond FAR times their limit. Numbers of pixels and slices
    are never far: the network sees slices resized to its square.
    """
    if warning is not None:
        yield Flag("not_flair", warning, "a FLAIR", f"may be no FLAIR: {warning}", far=True)
    if not_axial is not None:
        yield Flag("not_axial", not_axial, "axial slices", f"{not_axial}: read as the nearest axial ones")
    found, farthest = trained.nearest(intensity_quantiles(images.slices))
    if found > farthest:
        message = (
            f"intensities are {found:.3f} deviations from those of training, farther than any of its "
            f"{trained.n_patients} patients from the others (at most {farthest:.3f})"
        )
        yield Flag("intensity", round(found, 4), round(farthest, 4), message, far=found > FAR * farthest)
    n_slices, rows, columns = images.slices.shape
    yield from outside("rows", rows, trained.rows, "pixels")
    yield from outside("columns", columns, trained.columns, "pixels")
    yield from outside("slices", n_slices, trained.slices, "slices")
    for side in dict.fromkeys(images.spacing_mm or ()):
        yield from outside("pixel_mm", side, trained.pixel_mm, "mm", far_beyond=FAR)
    yield from outside("slice_mm", slice_step_mm(images), trained.slice_mm, "mm", far_beyond=FAR)


def mask_flags(summary: MaskSummary, trained: TrainingRange) -> Iterator[Flag]:
    """Flags of the mask: nothing in it, or in more pieces than the masks of training."""
    if summary.largest_share is None:
        yield Flag("empty", 0, "some tumour", "the mask is empty")
    elif summary.largest_share < trained.one_body:
        message = (
            f"{summary.bodies} bodies, the largest with {summary.largest_share:.0%} of the mask; of the masks of "
            f"training 19 in 20 have at least {trained.one_body:.0%} in one"
        )
        yield Flag("fragmented", summary.largest_share, round(trained.one_body, 4), message)


def gene_flags(
    expression: NewExpression | None, scaled: NDArray[np.floating] | None, limits: Limits | None
) -> Iterator[Flag]:
    """Flags of the patient's genes: some missing, or values of another size than those of training (`limits`)."""
    if expression is None or scaled is None:
        return
    if missing := len(expression.missing):
        message = f"{missing} of {expression.n_genes} genes have no value; the {expression.filled_with} stands for each"
        yield Flag("missing_genes", missing, 0, message)
    if expression.other_scale is not None:
        found, expected = expression.other_scale
        yield Flag("expression_scale", found, expected, f"the values look like {found}, those of training {expected}")
    rms = float(np.sqrt((np.asarray(scaled, np.float64) ** 2).mean()))
    yield from outside("expression", rms, limits, "(root mean square of the scaled genes)")


def outside(
    name: str, found: float | None, limits: Limits | None, unit: str, far_beyond: float = np.inf
) -> Iterator[Flag]:
    """A flag where both are known and the one lies beyond the other, far where beyond this many times the other."""
    if found is None or limits is None:
        return
    slack = 1e-3 * max(abs(limits.low), abs(limits.high))  # spacings and sums of squares are rounded on their way
    if not limits.low - slack <= found <= limits.high + slack:
        same = limits.low == limits.high
        expected = f"{limits.low:.4g}" if same else f"{limits.low:.4g} to {limits.high:.4g}"
        message = f"{name} {found:.4g} {unit}, training had {expected}"
        far = not limits.low / far_beyond - slack <= found <= limits.high * far_beyond + slack
        yield Flag(name, round(float(found), 4), [round(limits.low, 4), round(limits.high, 4)], message, far=far)
