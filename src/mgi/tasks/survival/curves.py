"""Survival of patients in three groups of predicted risk, as a figure with the numbers at risk below it."""

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from mgi.evaluation.expression_inputs import OWN
from mgi.evaluation.kaplan_meier import kaplan_meier, numbers_at_risk
from mgi.tasks.drawing import BLUE, ORANGE, STYLE, VERMILION, as_data_uri, new_figure
from mgi.tasks.survival.scoring import follow_up_in

REFERENCE = "mgi"
GROUPS = (("low risk", BLUE), ("middle", ORANGE), ("high risk", VERMILION))
DAYS_PER_YEAR = 365.25


def of_first_seed(patients: pd.DataFrame) -> pd.DataFrame:
    """MGI's tests with the own data, of the first seed: each patient is in one group."""
    rows = patients[(patients["method"] == REFERENCE) & (patients["expression_input"] == OWN)]
    first: pd.DataFrame = rows[rows["seed"] == rows["seed"].min()]
    return first


def tertile_of(risk_quantile: pd.Series) -> pd.Series:
    """0, 1 or 2: between the tertiles of the training patients of the fold, which cut the groups."""
    return (risk_quantile * 3).clip(upper=2.999).astype(int)


def survival_figure(patients: pd.DataFrame, *, simulated: bool) -> str | None:
    """Kaplan-Meier curves with their intervals, and who is followed up to each year below them."""
    rows = of_first_seed(patients)
    if rows.empty:
        return None
    groups = tertile_of(rows["risk_quantile"])
    with matplotlib.rc_context(STYLE):
        figure = new_figure(4.8)
        axes, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        longest = float(rows["time_days"].max()) / DAYS_PER_YEAR
        ticks = np.array(MaxNLocator(nbins=7).tick_values(0, longest))
        ticks = ticks[ticks <= longest]
        for number, (name, colour) in enumerate(GROUPS):
            own = rows[groups == number]
            follow_up = follow_up_in(own)
            if len(own):
                curve = kaplan_meier(follow_up)
                years = np.append(0, curve.times / DAYS_PER_YEAR)
                axes.step(years, np.append(1, curve.survival), where="post", color=colour, lw=1.8, label=name)
                low, high = (np.append(1, bound) for bound in (curve.low, curve.high))
                axes.fill_between(years, low, high, step="post", color=colour, alpha=0.12, lw=0)
            counts = numbers_at_risk(follow_up, ticks * DAYS_PER_YEAR) if len(own) else np.zeros(len(ticks), int)
            for tick, count in zip(ticks, counts, strict=True):
                below.text(tick, -number, str(int(count)), color=colour, ha="center", va="center", fontsize=9.5)
        axes.set_ylim(0, 1.02)
        axes.set_ylabel("share without the event")
        axes.legend(loc="lower left", fontsize=9.5)
        below.set_xticks(ticks)
        below.set_yticks([-number for number in range(len(GROUPS))], [name for name, _ in GROUPS])
        below.set_ylim(-len(GROUPS) + 0.4, 0.6)
        below.set_title("Patients at risk", fontsize=9.5)
        below.grid(visible=False)
        below.set_xlabel("years")
    return as_data_uri(figure, simulated=simulated)
