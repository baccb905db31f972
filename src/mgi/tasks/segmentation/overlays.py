"""Masks on images: the patients on which MGI did best, middling and worst (three of them), beside a baseline."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from mgi.evaluation.cohort_tables import REFERENCE
from mgi.evaluation.expression_inputs import NOT_USED, OWN
from mgi.evaluation.patient_scores import as_trained, values_of
from mgi.shards.image_shard import read_images
from mgi.shards.parquet import run_in
from mgi.tasks.drawing import ORANGE, SKY, STYLE, WIDTH, as_data_uri, new_figure
from mgi.tasks.segmentation.dice import Bytes, Mask, at_least, dice
from mgi.tasks.segmentation.prediction_file import read_patients, read_volumes
from mgi.tasks.segmentation.scoring import THRESHOLD, true_mask
from mgi.tasks.text import method_name

DARK = "#11161c"
PREFERRED_BASELINES = ("unet", "attention_unet", "resunet", "deeplabv3plus")
FAILURES = ("worst", "2nd worst", "3rd worst")
"""Ranks of the patients that are shown where the prediction errs most; the others where the tumour is largest."""


@dataclass(frozen=True)
class OverlayCase:
    """One patient's picture: pixels and masks of shape (slices, rows, cols), stored probabilities by method."""

    rank: str
    patient_id: str
    pixels: NDArray[Any]
    truth: Mask
    probability: Mapping[str, Bytes]


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
    found: dict[str, dict[str, Bytes]] = {patient: {} for patient in chosen.values()}
    images = read_images(image_shard, found)
    for path, run in sorted(runs.items(), key=lambda item: (item[1].seed, item[1].key)):
        label = run.label
        here = set(read_patients(path)) & {patient for patient in found if label not in found[patient]}
        if label not in shown or not here:
            continue
        for volume in read_volumes(path, {patient: len(images[patient].slices) for patient in here}, patients=here):
            if volume.expression_input in (OWN, NOT_USED):
                found[volume.patient_id][label] = volume.probability
    return [
        OverlayCase(rank, patient, images[patient].slices, true_mask(images[patient], image_shard), found[patient])
        for rank, patient in chosen.items()
    ]


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
    """A row per patient on one slice: the image, then truth and prediction of each method."""
    if not cases:
        return None
    methods = list(dict.fromkeys(method for case in cases for method in case.probability))
    columns = 1 + len(methods)
    side = (WIDTH - 0.3) / columns
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure = new_figure(0.6 + len(cases) * (side + 0.04))
        grid = figure.subplots(len(cases), columns, squeeze=False)
        for row, case in zip(grid, cases, strict=True):
            _draw_case(row, case, methods)
        for axes, title in zip(grid[0], ["FLAIR", *(method_name(method) for method in methods)], strict=True):
            axes.set_title(title)
        handles = [
            Line2D([], [], color=ORANGE, lw=2, label="true mask"),
            Line2D([], [], color=SKY, lw=2, ls=(0, (3, 1.2)), label="prediction"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return as_data_uri(figure, simulated=simulated, raster=True)


def _draw_case(row: Sequence[Any], case: OverlayCase, methods: Sequence[str]) -> None:
    index = _slice_to_show(case, methods)
    picture, window = _windowed(case.pixels[index])
    for axes in row:
        axes.imshow(picture[window], cmap="gray", vmin=0, vmax=1, interpolation="nearest")
        axes.set_xticks([])
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
    row[0].set_ylabel(case.rank, fontweight="bold")
    for axes, method in zip(row[1:], methods, strict=True):
        _outline(axes, case.truth[index][window], ORANGE, "-")
        if method not in case.probability:
            continue
        prediction = at_least(case.probability[method], THRESHOLD)
        _outline(axes, prediction[index][window], SKY, (0, (3, 1.2)))
        axes.text(
            0.03, 0.03, f"Dice {dice(prediction, case.truth):.2f}", transform=axes.transAxes, color="white",
            fontsize=9, bbox={"facecolor": DARK, "alpha": 0.6, "lw": 0, "pad": 2},
        )  # fmt: skip


def _slice_to_show(case: OverlayCase, methods: Sequence[str]) -> int:
    """Of a failure the slice on which the first method errs on most pixels, else the one with most tumour."""
    wrong = case.truth
    if case.rank in FAILURES and (first := [method for method in methods if method in case.probability][:1]):
        wrong = at_least(case.probability[first[0]], THRESHOLD) != case.truth
    return int(np.argmax(np.count_nonzero(wrong, axis=(1, 2))))


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
