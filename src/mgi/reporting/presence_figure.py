"""The figure of who has which modality: counts of combinations (an UpSet plot) above a strip of all patients."""

from collections.abc import Sequence
from typing import Any

import matplotlib

from mgi.reporting.presence import Combination, in_strip
from mgi.tasks.drawing import BLUE, GREY, INK, SKY, STYLE, as_data_uri, new_figure

MOST_SHOWN = 12
"""Combinations with a bar of their own."""
ABSENT = "#e6e9ed"


def presence_figure(found: Sequence[Combination], names: Sequence[str], *, simulated: bool) -> str:
    """Bars of the most frequent combinations, dots that say which modalities each has, and the strip.

    The strip has a row a modality and a column a patient, in the order of the bars.
    """
    shown = found[:MOST_SHOWN]
    matrix, strip = 0.26 * len(names) + 0.1, 0.24 * len(names)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(2.6 + matrix + strip)
        bars, dots, patients = figure.subplots(3, 1, height_ratios=(1.5, matrix, strip))
        _bars(bars, shown)
        _dots(dots, shown, names)
        _strip(patients, found, names)
    return as_data_uri(figure, simulated=simulated)


def _bars(axes: Any, shown: Sequence[Combination]) -> None:
    x = range(len(shown))
    kept = [one.kept for one in shown]
    axes.bar(x, kept, color=BLUE, width=0.7, label="kept")
    axes.bar(x, [one.patients - one.kept for one in shown], bottom=kept, color=SKY, width=0.7, label="dropped")
    for place, one in enumerate(shown):
        axes.annotate(str(one.patients), (place, one.patients), (0, 2), textcoords="offset points", ha="center",
                      fontsize=8.5)  # fmt: skip
    axes.set_ylabel("patients")
    axes.set_xlim(-0.6, max(len(shown), 4) - 0.4)
    axes.set_ylim(0, 1.15 * max(one.patients for one in shown))
    axes.set_xticks([])
    axes.grid(visible=False, axis="x")
    axes.legend(fontsize=8.5, loc="upper right")
    axes.set_title("Combinations of modalities")


def _dots(axes: Any, shown: Sequence[Combination], names: Sequence[str]) -> None:
    for place, one in enumerate(shown):
        has = [height for height, name in enumerate(names) if name in one.modalities]
        axes.plot([place] * len(names), range(len(names)), "o", color=ABSENT, ms=6, zorder=2)
        axes.plot([place] * len(has), has, "-o", color=INK, ms=6, lw=1.5, zorder=3)
    axes.set_xlim(-0.6, max(len(shown), 4) - 0.4)
    axes.set_xticks([])
    _modality_rows(axes, names)
    axes.spines[:].set_visible(False)


def _strip(axes: Any, found: Sequence[Combination], names: Sequence[str]) -> None:
    everyone = sum(one.patients for one in found)
    for height, name in enumerate(names):
        axes.broken_barh([(0, everyone)], (height - 0.4, 0.8), facecolor=ABSENT)
        axes.broken_barh(in_strip(found, name), (height - 0.4, 0.8), facecolor=INK)
    axes.set_xlim(0, everyone)
    axes.set_xlabel("patients, in the order of the combinations above")
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(GREY)
    axes.set_title("Every patient")
    _modality_rows(axes, names)


def _modality_rows(axes: Any, names: Sequence[str]) -> None:
    """A row a modality, the first on top."""
    axes.set_yticks(range(len(names)), names, fontsize=8.5)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.grid(visible=False)
