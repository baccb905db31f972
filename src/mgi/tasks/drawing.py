"""Figures without global state as data addresses that a page can hold, and that of every patient's score by method."""

import base64
import io
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from mgi.core.run import apart
from mgi.tasks.text import METHODS, in_order, method_name, rows_by

# Okabe and Ito's colours, which most colour-blind readers can tell apart.
BLUE, SKY, ORANGE, VERMILION, GREEN, PURPLE, YELLOW = (
    "#0072B2", "#56B4E9", "#E69F00", "#D55E00", "#009E73", "#CC79A7", "#F0E442",
)  # fmt: skip
WINE, TEAL, INDIGO, OLIVE = "#882255", "#44AA99", "#332288", "#999933"  # of Tol's muted colours
INK, GREY = "#1d2733", "#8a94a0"
BEHIND = {"facecolor": "white", "alpha": 0.8, "pad": 0.8, "lw": 0}  # words over dots
COLOURS = dict(
    zip(
        METHODS,
        (BLUE, SKY, YELLOW, "#000000", TEAL, INDIGO, OLIVE, ORANGE, VERMILION, GREEN, PURPLE, WINE, INK),
        strict=True,
    )
)
STYLE: dict[str, Any] = {
    "axes.edgecolor": GREY,
    "axes.grid": True,
    "axes.labelcolor": INK,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.axisbelow": True,
    "font.size": 10.5,
    "grid.color": "#e6e9ed",
    "legend.frameon": False,
    "svg.fonttype": "path",
    "svg.hashsalt": "mgi",
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
WIDTH = 5.0
"""Inches; narrow, so that the letters stay readable on a phone."""


def colour_of(label: str) -> str:
    """The colour of a method, and of its ensemble, in every figure; grey for one that is not known."""
    return COLOURS.get(apart(label)[0], GREY)


def new_figure(height: float) -> Figure:
    """An empty figure that lays itself out; draw on it within `rc_context(STYLE)`."""
    return Figure(figsize=(WIDTH, height), layout="constrained")


def as_data_uri(figure: Figure, *, simulated: bool, raster: bool = False) -> str:
    """The figure as a `data:` address, SVG or (for pictures) PNG; simulated results carry a watermark."""
    if simulated:
        _watermark(figure)
    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        if raster:
            figure.savefig(buffer, format="png", dpi=170, metadata={"Software": None})
        else:
            figure.savefig(buffer, format="svg", metadata={"Date": None, "Creator": None})
    kind = "image/png" if raster else "image/svg+xml"
    return f"data:{kind};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def _watermark(figure: Figure) -> None:
    width, height = figure.get_size_inches()
    figure.text(
        0.5, 0.5, "SIMULATED", ha="center", va="center", rotation=24, zorder=10,
        fontsize=min(9.5 * width, 24 * height), color=GREY, alpha=0.32, fontweight="bold",
    )  # fmt: skip


def patients_figure(
    patients: pd.DataFrame, results: pd.DataFrame, definition: str, label: str, *, simulated: bool
) -> str | None:
    """A row per method: every patient a dot, thin lines joining the same patient, quartiles and mean above the dots.

    `patients` holds the rows to compare (one input per method); `results` the interval of each mean.
    """
    if patients.empty:
        return None
    methods = in_order(list(patients["method"].unique()))
    wide = patients.pivot_table(index="patient_id", columns="method", values=definition)[methods]
    heights = {method: -float(row) for row, method in enumerate(methods)}
    with matplotlib.rc_context(STYLE):
        figure = new_figure(1.1 + 0.72 * len(methods))
        axes = figure.subplots()
        for _, values in wide.iterrows():
            axes.plot(values, [heights[m] for m in methods], color=GREY, lw=0.6, alpha=_faint(len(wide)), zorder=1)
        for method in methods:
            _draw_method(axes, wide[method].dropna(), heights[method], colour_of(method))
        means = rows_by(results[results["definition"] == definition], "method")
        for method in methods:
            _draw_mean(axes, means[method], heights[method] + 0.3)
        axes.set_yticks(list(heights.values()), [method_name(method) for method in methods])
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(min(heights.values()) - 0.4, 0.65)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(label)
    return as_data_uri(figure, simulated=simulated)


def _draw_method(axes: Any, values: pd.Series, height: float, colour: str) -> None:
    axes.scatter(values, [height] * len(values), s=26, color=colour, alpha=0.75, lw=0.4, edgecolor="white", zorder=3)
    low, middle, high = values.quantile([0.25, 0.5, 0.75])
    axes.plot([low, high], [height + 0.3] * 2, color=colour, lw=8, alpha=0.35, solid_capstyle="butt", zorder=2)
    axes.plot([middle, middle], [height + 0.2, height + 0.4], color=colour, lw=2.5, zorder=3)


def _draw_mean(axes: Any, row: Any, height: float) -> None:
    axes.plot([row["low"], row["high"]], [height, height], color=INK, lw=1.5, zorder=4)
    axes.plot(row["mean"], height, "D", color=INK, ms=5, zorder=5)


def _faint(patients: int) -> float:
    """Lines of many patients must not hide their dots."""
    return max(0.12, min(0.55, 8 / patients))
