"""Every patient's score by method."""

from typing import Any

import matplotlib
import pandas as pd

from mgi.tasks.drawing import STYLE, as_data_uri, new_figure
from mgi.tasks.names import GREY, INK, colour_of, in_order, method_name
from mgi.tasks.text import rows_by


def patients_figure(
    patients: pd.DataFrame, results: pd.DataFrame, definition: str, label: str, *, simulated: bool
) -> str:
    """A row per method: every patient a dot, thin lines joining the same patient, quartiles and mean above the dots.

    `patients` holds the rows to compare (one input per method); `results` the interval of each mean.
    """
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
