"""Survival of groups of patients as a figure: Kaplan-Meier curves, and who is followed up to each time below them."""

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np

from mgi.evaluation.follow_up import FollowUp
from mgi.evaluation.kaplan_meier import kaplan_meier, numbers_at_risk
from mgi.tasks.drawing import BLUE, GREEN, STYLE, VERMILION, as_data_uri, new_figure

DAYS_PER_YEAR = 365.25
THIRDS = ("lowest third of risk", "middle third", "highest third")
COLOURS = (BLUE, GREEN, VERMILION)


def survival_figure(thirds: Sequence[FollowUp], *, simulated: bool) -> str:
    """Curves with 95 % bands of the three groups by risk, the lowest first, with times in days; one may be empty."""
    ticks = _round_ticks(max(float(one.times.max(initial=0)) for one in thirds) / DAYS_PER_YEAR)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(4.2)
        axes, table = figure.subplots(2, 1, height_ratios=[4, 1], sharex=True)
        for place, (own, name, colour) in enumerate(zip(thirds, THIRDS, COLOURS, strict=True)):
            if own.n:
                _draw_curve(axes, own, name, colour)
            counts = numbers_at_risk(own, ticks * DAYS_PER_YEAR) if own.n else np.zeros(len(ticks), int)
            for tick, count in zip(ticks, counts, strict=True):
                table.text(tick, 2 - place, str(int(count)), color=colour, ha="center", va="center", fontsize=9)
        axes.set_ylim(0, 1.02)
        axes.set_ylabel("event-free")
        axes.legend(fontsize=8.5, loc="lower left")  # where no curve begins
        table.set_ylim(-0.6, 2.6)
        table.set_yticks([2, 1, 0], ["lowest", "middle", "highest"], fontsize=8.5)
        table.set_xticks(ticks)
        table.grid(visible=False)
        table.spines["left"].set_visible(False)
        table.set_title("Numbers at risk", fontsize=9)
        table.set_xlabel("years")
    return as_data_uri(figure, simulated=simulated)


def _draw_curve(axes: Any, own: FollowUp, name: str, colour: str) -> None:
    curve = kaplan_meier(own)
    years = np.append(0, curve.times / DAYS_PER_YEAR)
    axes.step(years, np.append(1, curve.survival), where="post", color=colour, lw=1.8, label=name)
    low, high = (np.append(1, np.nan_to_num(one)) for one in (curve.low, curve.high))
    axes.fill_between(years, low, high, step="post", color=colour, alpha=0.12, lw=0)


def _round_ticks(last: float) -> Any:
    step = next((one for one in (0.25, 0.5, 1, 2, 5, 10) if last / one <= 8), 20)
    return np.arange(0, last + 1e-9, step)
