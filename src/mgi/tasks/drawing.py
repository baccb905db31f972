"""Matplotlib figures without global state, turned into data addresses that a page can hold."""

import base64
import io
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from mgi.tasks.names import GREY, INK

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


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """An empty figure that lays itself out; draw on it within `rc_context(STYLE)`."""
    return Figure(figsize=(width, height), layout="constrained")


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
