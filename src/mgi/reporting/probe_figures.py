"""Figures of the probes: scores with their control, survival by predicted risk, maps of vectors, retrieval."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd

from mgi.tasks.drawing import (
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    STYLE,
    VERMILION,
    YELLOW,
    as_data_uri,
    new_figure,
)

CYCLE = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION, YELLOW)
TRAINED, UNTRAINED, SIMPLE = "pre-trained", "untrained", "simple features"
KIND_COLOURS = {TRAINED: BLUE, UNTRAINED: SKY, SIMPLE: ORANGE}
MOST_SHOWN = 6
"""Classes or sites with a colour of their own; all others are grey."""


def forest_figure(panels: Mapping[str, Sequence[Mapping[str, Any]]], measure: str, *, simulated: bool) -> str | None:
    """A panel a target, a row a set of features: score with interval, and its control (mean and two deviations).

    A row has `name`, `kind`, `value`, `low`, `high`, `permuted` and `permuted_sd`.
    """
    if not panels:
        return None
    counts = [len(rows) for rows in panels.values()]
    with matplotlib.rc_context(STYLE):
        figure = new_figure(0.7 + sum(0.55 + 0.24 * count for count in counts))
        axes = np.atleast_1d(figure.subplots(len(panels), 1, sharex=True, height_ratios=[2 + one for one in counts]))
        for place, (title, rows) in zip(axes, panels.items(), strict=True):
            for height, row in enumerate(rows):
                _forest_row(place, row, -height)
            place.axvline(0.5, color=GREY, lw=0.8, ls=(0, (4, 3)), zorder=0)
            place.set_yticks([-height for height in range(len(rows))], [row["name"] for row in rows], fontsize=8.5)
            place.set_ylim(-len(rows) + 0.4, 0.6)
            place.set_xlim(0, 1.02)
            place.grid(visible=False, axis="y")
            place.set_title(title)
        axes[-1].set_xlabel(measure)
        shown = {row["kind"] for rows in panels.values() for row in rows}
        handles: list[Any] = [
            matplotlib.lines.Line2D([], [], color=colour, marker="o", lw=1.6, ms=5, label=kind)
            for kind, colour in KIND_COLOURS.items() if kind in shown
        ]  # fmt: skip
        handles.append(matplotlib.patches.Patch(color=GREY, alpha=0.4, label="labels permuted"))
        figure.legend(handles=handles, loc="outside lower center", ncols=2, fontsize=8.5)
    return as_data_uri(figure, simulated=simulated)


def _forest_row(axes: Any, row: Mapping[str, Any], height: float) -> None:
    low, high = (np.clip(row["permuted"] + side * 2 * row["permuted_sd"], 0, 1) for side in (-1, 1))
    axes.plot([low, high], [height] * 2, color=GREY, lw=8, alpha=0.35, solid_capstyle="butt", zorder=1)
    axes.plot([row["permuted"]] * 2, [height - 0.3, height + 0.3], color=GREY, lw=1.5, zorder=2)
    colour = KIND_COLOURS[row["kind"]]
    axes.plot([row["low"], row["high"]], [height] * 2, color=colour, lw=1.6, zorder=3)
    axes.plot(row["value"], height, "o", color=colour, ms=5, zorder=4)


def maps_figure(places: pd.DataFrame, label: str | None, *, simulated: bool) -> str | None:
    """Image and gene vectors of test patients in the plane, coloured by a label and by site.

    `places` has `vectors`, `x`, `y`, `x_share`, `y_share`, `site` and the label's column.
    """
    kinds = [kind for kind in ("image", "genes") if (places["vectors"] == kind).any()]
    columns = [(label, f"label_{label}")] if label else []
    columns.append(("site", "site"))
    if not kinds:
        return None
    with matplotlib.rc_context(STYLE):
        figure = new_figure(2.5 * len(columns) + 0.8)
        axes = figure.subplots(len(columns), len(kinds), squeeze=False)
        for row, (title, column) in zip(axes, columns, strict=True):
            colours = _colours(places[column])
            for place, kind in zip(row, kinds, strict=True):
                own = places[places["vectors"] == kind]
                shown = own[column].fillna("unknown")
                shown = shown.where(shown.isin(list(colours)), "other")
                for value, colour in colours.items():
                    chosen = own[shown == value]
                    place.scatter(
                        chosen["x"], chosen["y"], s=18, color=colour, alpha=0.8, lw=0.3, edgecolor="white", label=value
                    )
                place.set_title(f"{kind}, by {title}", fontsize=9.5)
                place.set_xticks([])
                place.set_yticks([])
                place.set_xlabel(f"component 1 ({own['x_share'].iloc[0]:.0%})", fontsize=8)
                place.set_ylabel(f"component 2 ({own['y_share'].iloc[0]:.0%})", fontsize=8)
            row[-1].legend(fontsize=7.5, loc="center left", bbox_to_anchor=(1, 0.5))
    return as_data_uri(figure, simulated=simulated)


def _colours(values: pd.Series) -> dict[str, str]:
    """The most frequent values by name, each with its colour; then what is grey."""
    counts = values.value_counts()
    named = sorted(counts.index[:MOST_SHOWN])
    colours = dict(zip(named, CYCLE, strict=False))
    if len(counts) > MOST_SHOWN:
        colours["other"] = GREY
    return colours | ({"unknown": GREY} if values.isna().any() else {})


def retrieval_figure(rows: pd.DataFrame, names: Mapping[str, str], *, simulated: bool) -> str | None:
    """Share of test patients whose own genes are among the k nearest, with interval, beside chance.

    `rows` have `series`, `k`, `retrieved`, `low`, `high` and `chance`; `names` says which series there are.
    """
    if rows.empty:
        return None
    at = sorted(rows["k"].unique())
    with matplotlib.rc_context(STYLE):
        figure = new_figure(2.9)
        axes = figure.subplots()
        width = 0.7 / max(len(names), 1)
        for number, (series, name) in enumerate(names.items()):
            own = rows[rows["series"] == series].sort_values("k")
            x = np.arange(len(own)) - 0.35 + width * (number + 0.5)
            colour = CYCLE[number % len(CYCLE)]
            axes.vlines(x, own["low"], own["high"], color=colour, lw=1.8)
            axes.plot(x, own["retrieved"], "o", color=colour, ms=6, label=name)
        chance = rows.groupby("k")["chance"].mean()
        for place, k in enumerate(at):
            label = "chance" if place == 0 else "_others"
            axes.hlines(chance[k], place - 0.4, place + 0.4, color=INK, lw=1.2, ls=(0, (4, 3)), label=label)
        axes.set_xticks(range(len(at)), [f"{k} nearest" for k in at])
        axes.set_ylim(0, None)
        axes.set_ylabel("own genes found")
        axes.grid(visible=False, axis="x")
        axes.legend(fontsize=8.5, loc="upper left")
    return as_data_uri(figure, simulated=simulated)
