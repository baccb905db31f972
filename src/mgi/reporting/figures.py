"""The figures of the report that come from tables: patients, training curves, gene audit."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.lines import Line2D

from mgi.reporting.curves import RunCurve
from mgi.reporting.drawing import STYLE, as_data_uri, new_figure
from mgi.reporting.names import AUDIT, BLUE, GREY, INK, colour_of, in_order, method_name
from mgi.reporting.tables import rows_by


def patients_figure(patients: pd.DataFrame, dice: pd.DataFrame, definition: str, *, simulated: bool) -> str:
    """A row per method: every patient a dot, thin lines joining the same patient, quartiles and mean above the dots.

    `patients` holds the rows to compare (one gene mode per method); `dice` the interval of each mean.
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
        means = rows_by(dice[dice["definition"] == definition], "method")
        for method in methods:
            _draw_mean(axes, means[method], heights[method] + 0.3)
        axes.set_yticks(list(heights.values()), [method_name(method) for method in methods])
        axes.set_xlim(-0.02, 1.02)
        axes.set_ylim(min(heights.values()) - 0.4, 0.65)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("Volume Dice per patient" if definition == "volume" else definition)
    return as_data_uri(figure, simulated=simulated)


def curves_figure(curves: Sequence[RunCurve], *, simulated: bool) -> str | None:
    """Panels of what was logged: losses and validation Dice, of pre-training beside chance; None where nothing was."""
    segmenters = [curve for curve in curves if curve.method is not None]
    pretraining = [curve for curve in curves if curve.method is None]
    panels = [
        ("Training loss", "loss", segmenters),
        ("Validation Dice at the network's size", "validation_dice", segmenters),
        ("Pre-training loss, contrast and masked genes", "loss", pretraining),
        ("Contrast on validation patients (dashed: chance)", "loss_above_floor", pretraining),
    ]
    drawn = [(title, field, [(run, run.by_step(field)) for run in runs]) for title, field, runs in panels]
    drawn = [panel for panel in drawn if any(len(points) for _, points in panel[2])]
    if not drawn:
        return None
    with matplotlib.rc_context(STYLE):
        figure = new_figure(0.5 + 2.1 * len(drawn))
        for axes, (title, field, runs) in zip(figure.subplots(len(drawn), squeeze=False)[:, 0], drawn, strict=True):
            for run, points in runs:
                colour = colour_of(run.method) if run.method else INK
                style = {"marker": "o", "ms": 3} if len(points) == 1 else {}
                axes.plot(points.index, points.to_numpy(), color=colour, lw=1.3, alpha=0.75, **style)
            axes.set_title(title)
            axes.set_xlabel("step")
            if field == "validation_dice":
                axes.set_ylim(0, 1)
            if field == "loss_above_floor":
                for chance in {level for run in pretraining for level in run.by_step("loss_at_chance").round(4)}:
                    axes.axhline(chance, color=GREY, lw=1, ls="--")
        methods = in_order(sorted({curve.method for curve in segmenters if curve.method}))
        handles = [Line2D([], [], color=colour_of(method), lw=2, label=method_name(method)) for method in methods]
        if handles:
            figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=9.5)
    return as_data_uri(figure, simulated=simulated)


def audit_figure(audit: pd.DataFrame, *, simulated: bool) -> str | None:
    """Left the mean Dice with each kind of genes, right how much real genes add to it, with intervals."""
    if len(audit) < 2:
        return None
    rows = list(reversed(list(audit.itertuples())))
    with matplotlib.rc_context(STYLE):
        figure = new_figure(1.1 + 0.5 * len(rows))
        means, differences = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.3))
        for height, row in enumerate(rows):
            means.plot(row.mean, height, "o", color=BLUE if row.genes == "real" else INK, ms=7)
            means.annotate(f"{row.mean:.3f}", (row.mean, height), (0, 7), textcoords="offset points", ha="center",
                           fontsize=9)  # fmt: skip
            if row.genes != "real":
                differences.plot([row.low, row.high], [height, height], color=INK, lw=2, solid_capstyle="butt")
                differences.plot(row.difference, height, "D", color=BLUE, ms=6)
        differences.axvline(0, color=GREY, lw=1, ls="--")
        means.set_yticks(range(len(rows)), [_wrapped(AUDIT[str(row.genes)]) for row in rows])
        means.set_ylim(-0.6, len(rows) - 0.3)
        means.margins(x=0.35)
        differences.margins(x=0.15)
        means.set_title("Mean Dice")
        differences.set_title("Own genes minus this")
        for axes in (means, differences):
            axes.grid(visible=False, axis="y")
            axes.locator_params(axis="x", nbins=4)
            axes.tick_params(axis="y", length=0)
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


def _wrapped(label: str) -> str:
    """Break a label of several words in two, to leave room for the panels."""
    words = label.split()
    return label if len(words) < 3 else " ".join(words[:2]) + "\n" + " ".join(words[2:])
