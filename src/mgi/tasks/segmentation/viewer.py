"""A few patients to scroll through: every slice as one JPEG mosaic, masks as outlines, all inside the page."""

import base64
import io
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mgi.tasks.drawing import GREEN, ORANGE, PURPLE, SKY
from mgi.tasks.segmentation.dice import Mask, at_least, dice
from mgi.tasks.segmentation.overlays import OverlayCase, Panel, slice_to_show
from mgi.tasks.segmentation.scoring import THRESHOLD
from mgi.tasks.text import rendered

MOST_BYTES = 4_800_000
"""Of all pictures and outlines in the page; every patient may take an equal share."""
QUALITIES = ((1, 85), (1, 60), (1, 40), (2, 80), (2, 50), (4, 80))
"""Reduction of the pictures and quality of their JPEG, tried in this order until a patient fits its share."""
BACKGROUND = 12
"""Grey values up to this one are taken for air."""
TRUTH = "true mask"
COLOURS = (SKY, PURPLE, GREEN)


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What the template prints of one patient: sizes in pixels, the mosaic of slices as an address, and outlines."""

    case: OverlayCase
    rows: int
    cols: int
    slices: int
    across: int
    picture: str
    paths: str
    scores: dict[str, float]
    reduced: int

    @property
    def down(self) -> int:
        """Rows of slices in the mosaic."""
        return -(-self.slices // self.across)

    @property
    def first(self) -> int:
        """The slice that is shown at first."""
        return slice_to_show(self.case)


def viewer(cases: Sequence[OverlayCase], *, simulated: bool) -> str | None:
    """The viewer as HTML with its script; None where nobody is shown.

    A patient who takes more than an equal share of MOST_BYTES in any quality is left out, and named.
    """
    if not cases:
        return None
    shown = [(case.patient_id, shown_case(case, MOST_BYTES // len(cases))) for case in cases]
    panels = list(dict.fromkeys(panel for case in cases for panel in case.probability))
    content: dict[str, Any] = {
        "cases": [one for _, one in shown if one],
        "left_out": [patient for patient, one in shown if one is None],
        "masks": dict(zip([TRUTH, *map(said, panels)], (ORANGE, *COLOURS), strict=False)),
        "simulated": simulated,
        "script": resources.files("mgi.tasks.segmentation").joinpath("viewer.js").read_text(encoding="utf-8"),
    }
    return rendered("mgi.tasks.segmentation", "viewer.html.j2", content) if content["cases"] else None


def said(panel: Panel) -> str:
    """A panel's title in one line."""
    return panel.title.replace("\n", ", ")


def shown_case(case: OverlayCase, most: int) -> Shown | None:
    """One patient in the best quality that takes at most so many bytes; None where none does."""
    grey = as_bytes(case.pixels)
    window = body_window(grey)
    pixels = grey[:, *window]
    masks = {TRUTH: case.truth} | {said(panel): at_least(p, THRESHOLD) for panel, p in case.probability.items()}
    paths = {name: [outline(one) for one in mask[:, *window]] for name, mask in masks.items()}
    text = json.dumps(paths, separators=(",", ":")).replace("</", "<\\/")
    n_slices, rows, cols = pixels.shape
    across = math.ceil(math.sqrt(n_slices))
    for reduced, quality in QUALITIES:
        picture = jpeg(mosaic(pixels, across), reduced, quality)
        if len(picture) + len(text) <= most:
            scores = {name: dice(mask, case.truth) for name, mask in masks.items() if name != TRUTH}
            return Shown(
                case=case, rows=rows, cols=cols, slices=n_slices, across=across, picture=picture, paths=text,
                scores=scores, reduced=reduced,
            )  # fmt: skip
    return None


def as_bytes(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey values between percentiles 1 and 99.5 of the volume as 0 to 255, so that slices compare."""
    low, high = np.percentile(pixels, [1, 99.5])
    scaled = np.clip((pixels.astype(np.float64) - low) / max(high - low, 1e-9), 0, 1)
    grey: NDArray[np.uint8] = np.round(255 * scaled).astype(np.uint8)
    return grey


def body_window(grey: NDArray[np.uint8]) -> tuple[slice, slice]:
    """Rows and columns around what is not background on any slice."""
    seen = grey.max(axis=0) > BACKGROUND
    if not seen.any():
        return slice(None), slice(None)
    spans = []
    for axis in (1, 0):
        inside = np.flatnonzero(seen.any(axis=axis))
        spans.append(slice(max(0, int(inside[0]) - 2), int(inside[-1]) + 3))
    return spans[0], spans[1]


def mosaic(pixels: NDArray[np.uint8], across: int) -> NDArray[np.uint8]:
    """Slices (S, H, W) beside each other, so many a row, the rest black."""
    n_slices, rows, cols = pixels.shape
    down = math.ceil(n_slices / across)
    padded = np.zeros((down * across, rows, cols), np.uint8)
    padded[:n_slices] = pixels
    return padded.reshape(down, across, rows, cols).swapaxes(1, 2).reshape(down * rows, across * cols)


def jpeg(picture: NDArray[np.uint8], reduced: int, quality: int) -> str:
    """A picture as a `data:` address, its sides divided by `reduced`."""
    image = Image.fromarray(picture)
    if reduced > 1:
        image = image.resize((max(1, image.width // reduced), max(1, image.height // reduced)), Image.Resampling.BOX)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode()}"


def outline(mask: Mask) -> str:
    """The edges between a mask's pixels and the others as an SVG path: a line a run of edges, in pixels."""
    padded = np.pad(mask.astype(np.int8), 1)
    flat = np.diff(padded, axis=0)[:, 1:-1] != 0  # H + 1, W: edges above and below pixels
    upright = (np.diff(padded, axis=1)[1:-1] != 0).T  # W + 1, H
    lines = [f"M{start} {at}h{length}" for at, start, length in _runs(flat)]
    return "".join(lines + [f"M{at} {start}v{length}" for at, start, length in _runs(upright)])


def _runs(edges: NDArray[np.bool_]) -> list[tuple[int, int, int]]:
    """Of each row the runs that are true: row, first, length."""
    steps = np.diff(np.pad(edges.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    starts, ends = np.argwhere(steps == 1), np.argwhere(steps == -1)
    return [(int(row), int(a), int(b - a)) for (row, a), (_, b) in zip(starts, ends, strict=True)]
