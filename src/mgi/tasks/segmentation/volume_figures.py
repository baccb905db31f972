"""Figures of tumour volumes: what is scored at which size, and predicted beside true volume (Bland and Altman)."""

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from mgi.tasks.drawing import BEHIND, GREY, INK, STYLE, as_data_uri, colour_of, new_figure
from mgi.tasks.text import method_name, volume

FEWEST = 3
"""Patients below whom neither a spread nor a tendency is drawn."""


def size_figure(
    true: pd.Series, scores: Mapping[str, pd.Series], label: str, unit: str, *, simulated: bool
) -> str | None:
    """Each patient's score by true volume, a colour a method; the line is the running mean over a third of them."""
    if len(true) < FEWEST:
        return None
    with matplotlib.rc_context(STYLE):
        figure = new_figure(3.4)
        axes = figure.subplots()
        for method, values in scores.items():
            shown = pd.DataFrame({"true": true, "score": values}).dropna().sort_values(["true", "score"])
            colour = colour_of(method)
            axes.scatter(shown["true"], shown["score"], s=24, color=colour, alpha=0.7, lw=0.4, edgecolor="white")
            window = max(FEWEST, len(shown) // 3)
            line = shown.rolling(window, center=True).mean().dropna()
            axes.plot(line["true"], line["score"], color=colour, lw=2, label=method_name(method))
        _log_volumes(axes)
        axes.set_ylim(-0.02, 1.02)
        axes.set_xlabel(f"True tumour volume ({unit})")
        axes.set_ylabel(label)
        figure.legend(loc="outside upper center", ncols=2, fontsize=9.5)
    return as_data_uri(figure, simulated=simulated)


def agreement_figure(tables: Mapping[str, pd.DataFrame], unit: str, *, simulated: bool) -> str | None:
    """A panel a method: predicted minus true volume by their mean, with the mean difference and limits of agreement.

    `tables` have the columns `true` and `predicted`. The panels share their scales.
    """
    tables = {method: table.dropna() for method, table in tables.items() if len(table) >= FEWEST}
    if not tables:
        return None
    with matplotlib.rc_context(STYLE):
        figure = new_figure(0.3 + 2.5 * len(tables))
        panels = figure.subplots(len(tables), 1, sharex=True, sharey=True, squeeze=False)[:, 0]
        for axes, (method, table) in zip(panels, tables.items(), strict=True):
            middle, difference = table.mean(axis=1), table["predicted"] - table["true"]
            bias, low, high = limits_of_agreement(difference)
            axes.scatter(middle, difference, s=24, color=colour_of(method), alpha=0.75, lw=0.4, edgecolor="white")
            axes.axhline(0, color=GREY, lw=1)
            lines = ((bias, "-", "mean"), (low, "--", "mean − 1.96 SD"), (high, "--", "mean + 1.96 SD"))
            for value, style, what in lines:
                axes.axhline(value, color=INK, lw=1.2, ls=style)
                axes.annotate(f"{what}: {_text(value)}", (0.995, value), (0, 2), xycoords=axes.get_yaxis_transform(),
                              textcoords="offset points", ha="right", fontsize=9, bbox=BEHIND)  # fmt: skip
            axes.set_title(method_name(method))
            axes.set_ylabel(f"Predicted − true ({unit})")
            axes.margins(y=0.15)
        _log_volumes(panels[-1])
        panels[-1].set_xlabel(f"Mean of true and predicted tumour volume ({unit})")
    return as_data_uri(figure, simulated=simulated)


def limits_of_agreement(difference: pd.Series) -> tuple[float, float, float]:
    """The mean difference, and the mean minus and plus 1.96 deviations: 95 % of normal differences lie between."""
    bias, deviation = float(difference.mean()), float(difference.std())
    return bias, bias - 1.96 * deviation, bias + 1.96 * deviation


def _log_volumes(axes: Any) -> None:
    """A scale on which doubling is a step, with numbers as they are."""
    axes.set_xscale("log")
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: volume(value)))
    axes.xaxis.set_minor_locator(NullLocator())


def _text(value: float) -> str:
    """Three digits that count, with a true minus sign."""
    digits = max(0, 2 - int(np.floor(np.log10(abs(value))))) if value else 0
    return f"{value:+,.{min(digits, 3)}f}".replace("-", "−")
