"""Masks on images: the patients on which MGI did best, middling and worst (three of them), with their own genes and
another patient's, beside a baseline."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mgi.evaluation.cohort_tables import REFERENCE
from mgi.evaluation.expression_inputs import NOT_USED, OWN, PERMUTED, kind_of
from mgi.evaluation.patient_scores import as_trained, values_of
from mgi.shards.image_shard import read_images
from mgi.shards.parquet import run_in
from mgi.tasks.drawing import ORANGE, SKY, STYLE, WIDTH, as_data_uri, new_figure
from mgi.tasks.segmentation.dice import Bytes, Mask, at_least, dice
from mgi.tasks.segmentation.picture_marks import Marks, marks_of
from mgi.tasks.segmentation.prediction_file import read_patients, read_volumes
from mgi.tasks.segmentation.scoring import THRESHOLD, true_mask
from mgi.tasks.text import method_name

DARK = "#11161c"
PREFERRED_BASELINES = ("unet", "attention_unet", "resunet", "deeplabv3plus")
SHOWN_INPUTS = (OWN, PERMUTED, NOT_USED)
FAILURES = ("worst", "2nd worst", "3rd worst")
"""Ranks of the patients on whom the shown method did worst."""


class Panel(NamedTuple):
    """Whose prediction is shown: a method, and the expression that it was given."""

    method: str
    given: str

    @property
    def title(self) -> str:
        """The method, and below whose genes it got where it read some."""
        below = {OWN: "\nown genes", PERMUTED: "\nanother's genes"}.get(self.given, "")
        return f"{method_name(self.method)}{below}"


@dataclass(frozen=True)
class OverlayCase:
    """One patient's picture: pixels and masks of shape (slices, rows, cols), stored probabilities by panel."""

    rank: str
    patient_id: str
    pixels: NDArray[Any]
    truth: Mask
    probability: Mapping[Panel, Bytes]
    marks: Marks = field(default_factory=Marks)


def overlay_cases(
    predictions: Iterable[Path], image_shard: Path, patients: pd.DataFrame, definition: str
) -> list[OverlayCase]:
    """The best, median and three worst patients of MGI with own genes, each as its lowest seed predicted it.

    Without MGI the first baseline takes its place. One baseline stands beside MGI: U-Net where it was run.
    """
    runs = {path: run_in(path) for path in sorted(predictions)}
    labels = {run.label for run in runs.values()}
    shown = [label for label in (REFERENCE, *PREFERRED_BASELINES) if label in labels][:2]
    if not shown:
        return []
    compared = as_trained(patients)
    given = OWN if shown[0] == REFERENCE else NOT_USED
    chosen = patients_to_show(values_of(compared, shown[0], given, definition))
    found: dict[str, dict[Panel, Bytes]] = {patient: {} for patient in chosen.values()}
    images = read_images(image_shard, found)
    for path, run in sorted(runs.items(), key=lambda item: (item[1].seed, item[1].key)):
        here = set(read_patients(path)) & set(found)
        if run.label not in shown or not here:
            continue
        for volume in read_volumes(path, {patient: len(images[patient].slices) for patient in here}, patients=here):
            panel = Panel(run.label, kind_of(volume.expression_input))
            if panel.given in SHOWN_INPUTS:  # of several seeds and permutations the first
                found[volume.patient_id].setdefault(panel, volume.probability)
    return [
        OverlayCase(
            rank,
            patient,
            images[patient].slices,
            true_mask(images[patient], image_shard),
            {panel: found[patient][panel] for panel in _panels(shown) if panel in found[patient]},
            marks_of(images[patient].affine, images[patient].spacing_mm),
        )
        for rank, patient in chosen.items()
    ]


def _panels(methods: Sequence[str]) -> list[Panel]:
    return [Panel(method, given) for method in methods for given in SHOWN_INPUTS]


def patients_to_show(scores: pd.Series) -> dict[str, str]:
    """Which patients to show, by rank; with fewer than five patients some ranks are absent.

    `scores` is indexed by patient; equal scores are ordered by name.
    """
    ordered = [str(name) for name in scores.dropna().sort_index().sort_values(ascending=False, kind="stable").index]
    if not ordered:
        return {}
    ranks = [("best", ordered[0]), ("median", ordered[len(ordered) // 2]), *zip(FAILURES, ordered[::-1], strict=False)]
    first_rank = {patient: rank for rank, patient in reversed(ranks)}
    return {rank: patient for rank, patient in ranks if first_rank[patient] == rank}


def overlays_figure(cases: Sequence[OverlayCase], *, simulated: bool) -> str | None:
    """A row per patient on one slice: the image, then truth and prediction of each panel."""
    if not cases:
        return None
    panels = list(dict.fromkeys(panel for case in cases for panel in case.probability))
    columns = 1 + len(panels)
    side = (WIDTH - 0.3) / columns
    with matplotlib.rc_context({**STYLE, "axes.grid": False, "axes.titlelocation": "center", "axes.titlesize": 9}):
        figure = new_figure(0.9 + len(cases) * (side + 0.04))
        grid = figure.subplots(len(cases), columns, squeeze=False)
        for row, case in zip(grid, cases, strict=True):
            _draw_case(row, case, panels)
        for axes, title in zip(grid[0], ["FLAIR", *(panel.title for panel in panels)], strict=True):
            axes.set_title(title)
        handles = [
            Line2D([], [], color=ORANGE, lw=2, label="true mask"),
            Line2D([], [], color=SKY, lw=2, ls=(0, (3, 1.2)), label="prediction"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return as_data_uri(figure, simulated=simulated, raster=True)


def _draw_case(row: Sequence[Any], case: OverlayCase, panels: Sequence[Panel]) -> None:
    index = slice_to_show(case)
    picture, window = _windowed(case.pixels[index])
    for axes in row:
        axes.imshow(picture[window], cmap="gray", vmin=0, vmax=1, interpolation="nearest", aspect=case.marks.stretch)
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    row[0].set_ylabel(f"{case.rank}\n{case.patient_id}", fontsize=8.5)
    _draw_marks(row[0], case.marks, picture[window].shape)
    for axes, panel in zip(row[1:], panels, strict=True):
        _outline(axes, case.truth[index][window], ORANGE, "-")
        if panel not in case.probability:
            continue
        prediction = at_least(case.probability[panel], THRESHOLD)
        _outline(axes, prediction[index][window], SKY, (0, (3, 1.2)))
        _write(axes, 0.03, 0.03, f"Dice {dice(prediction, case.truth):.2f}", ha="left", va="bottom")


def _draw_marks(axes: Any, marks: Marks, shape: tuple[int, int]) -> None:
    """The sides at the edges, and a bar of so many mm in the corner, each where it is known."""
    for letter, across, side in ((marks.left, 0.03, "left"), (marks.right, 0.97, "right")):
        if letter:
            _write(axes, across, 0.5, letter, ha=side, va="center")
    if bar := marks.bar(shape[1]):
        length, pixels = bar
        bottom, end = 0.95 * shape[0] - 0.5, 0.95 * shape[1] - 0.5
        axes.plot([end - pixels, end], [bottom, bottom], color="white", lw=2, solid_capstyle="butt")
        _write(axes, 0.95, 0.08, f"{length} mm", ha="right", va="bottom")


def _write(axes: Any, across: float, up: float, said: str, *, ha: str, va: str) -> None:
    axes.text(
        across, up, said, transform=axes.transAxes, color="white", fontsize=8, ha=ha, va=va,
        bbox={"facecolor": DARK, "alpha": 0.6, "lw": 0, "pad": 1.5},
    )  # fmt: skip


def slice_to_show(case: OverlayCase) -> int:
    """The slice with most true tumour, of a failure too; of a patient without any, that with most of a prediction.

    Where a failure errs on most pixels may lie beyond the tumour, and then nothing there tells right from wrong.
    """
    predicted = (at_least(probability, THRESHOLD) for probability in case.probability.values())
    marked = next((mask for mask in (case.truth, *predicted) if mask.any()), case.truth)
    return int(np.argmax(np.count_nonzero(marked, axis=(1, 2))))


def _outline(axes: Any, mask: Mask, colour: str, style: Any) -> None:
    """Contour a mask half a pixel outside its pixels' centres; an empty mask has none, and one that is full neither."""
    if mask.any():
        padded = np.pad(mask, 1).astype(float)
        rows, cols = (np.arange(-1, size + 1) for size in mask.shape)
        axes.contour(cols, rows, padded, levels=[0.5], colors=[colour], linewidths=1.5, linestyles=[style])


def _windowed(pixels: NDArray[Any]) -> tuple[NDArray[np.float64], tuple[slice, slice]]:
    """Grey values between the slice's percentiles 1 and 99.5 as 0..1, and a square around what is not background."""
    low, high = np.percentile(pixels, [1, 99.5])
    scaled = np.clip((pixels.astype(float) - low) / max(high - low, 1e-9), 0, 1)
    inside = np.argwhere(scaled > 0.05)
    if inside.size == 0:
        return scaled, (slice(None), slice(None))
    (top, left), (bottom, right) = inside.min(axis=0), inside.max(axis=0) + 1
    half = max(bottom - top, right - left) // 2 + 2
    middle = ((top + bottom) // 2, (left + right) // 2)
    rows, cols = (slice(max(0, int(centre - half)), int(centre + half)) for centre in middle)
    return scaled, (rows, cols)
