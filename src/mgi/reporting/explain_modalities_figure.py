"""The figure of which part of an answer each modality has, over patients and of each of them."""

from collections.abc import Sequence
from itertools import cycle
from typing import Any

import matplotlib
import numpy as np
import pandas as pd

from mgi.tasks.drawing import BLUE, GREEN, GREY, INK, ORANGE, PURPLE, SKY, STYLE, VERMILION, as_data_uri, new_figure

_OF_MODALITIES = (BLUE, ORANGE, GREEN, PURPLE, SKY, VERMILION)


def modalities_figure(shares: pd.DataFrame, local: pd.DataFrame, *, simulated: bool) -> str | None:
    """Left the share of each modality, right what it adds to the answer, with intervals; below a bar a patient.

    `shares` are rows of modalities.csv of one run and value, `local` those of modalities_local.csv. None without rows.
    """
    if shares.empty:
        return None
    shown = shares.sort_values("share", ascending=False, kind="stable")
    names = shown["modality"].tolist()
    colours = dict(zip(names, cycle(_OF_MODALITIES), strict=False))
    with matplotlib.rc_context(STYLE):
        figure = new_figure(3.0 + 0.3 * len(names))
        grid = figure.add_gridspec(2, 1, height_ratios=(len(names) + 1.5, 6))
        top, bottom = (figure.add_subfigure(grid[row]) for row in range(2))
        axes: dict[str, Any] = dict(zip(("share", "change"), top.subplots(1, 2), strict=True))
        for height, row in enumerate(shown.to_dict("records")):
            for place, ends in (("share", ("low", "high")), ("change", ("change_low", "change_high"))):
                axes[place].plot([row[end] for end in ends], [-height] * 2, color=INK, lw=1.6)
                axes[place].plot(row[place], -height, "o", color=colours[row["modality"]], ms=6)
        for place, title in (("share", "Share"), ("change", "Adds to the answer")):
            axes[place].set_ylim(-len(names) + 0.4, 0.6)
            axes[place].set_title(title)
            axes[place].grid(visible=False, axis="y")
        axes["share"].set_yticks(range(0, -len(names), -1), names, fontsize=9)
        axes["share"].set_xlim(-0.02, 1.02)
        axes["change"].set_yticks([])
        axes["change"].axvline(0, color=GREY, lw=1, ls="--")
        axes["change"].margins(x=0.15)
        patients = bottom.subplots()
        _patients(patients, local, names, [colours[name] for name in names])
        handles, labels = patients.get_legend_handles_labels()
        bottom.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=8.5)
    return as_data_uri(figure, simulated=simulated)


def _patients(axes: Any, local: pd.DataFrame, names: list[str], colours: Sequence[str]) -> None:
    """Shares of each patient on top of each other, in the order of the largest modality's share."""
    wide = local.pivot_table(index="patient_id", columns="modality", values="share").reindex(columns=names).fillna(0.0)
    wide = wide.sort_values(names, ascending=False, kind="stable")
    below = np.zeros(len(wide))
    for name, colour in zip(names, colours, strict=True):
        axes.bar(range(len(wide)), wide[name], bottom=below, color=colour, width=0.9, label=name)
        below += wide[name].to_numpy()
    axes.set_title("Share in each patient")
    axes.set_xticks([])
    axes.set_xlabel(f"{len(wide)} patients")
    axes.set_ylim(0, 1)
    axes.grid(visible=False, axis="x")
