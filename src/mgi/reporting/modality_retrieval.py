"""Retrieval of each modality by each pre-training, side by side: what the image says of it, and what each adds."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd

from mgi.core.run import COVARIATES, EXPRESSION
from mgi.tasks.drawing import BLUE, GREY, ORANGE, STYLE, as_data_uri, new_figure
from mgi.tasks.text import number, rendered

PLAIN = "pretrain"
DRAWN = {1: BLUE, 5: ORANGE}
"""Of each k in the figure its colour."""
IMAGES = {"image": "the whole image", "image_tumour": "the image at the tumour"}
Row = dict[str, Any]


def modality_retrieval(rows: pd.DataFrame, *, simulated: bool) -> tuple[str, dict[str, str]]:
    """The part as HTML and its figure, from the rows of retrieval_modalities.csv; nothing where there are none."""
    if rows.empty:
        return "", {}
    whole = rows[rows["fold"] == "all"] if (rows["fold"] == "all").any() else rows
    runs = _runs(whole)
    modalities = sorted(whole["modality"].unique(), key=_place)
    figure = _figure(whole[whole["image"] == next(iter(IMAGES))], runs, modalities, simulated=simulated)
    tables = [
        {"image": image, "title": title, "k": int(k), "first": image == next(iter(IMAGES)) and k == min(DRAWN),
         **_table(whole[(whole["image"] == image) & (whole["k"] == k)], runs, modalities)}
        for image, title in IMAGES.items() for k in sorted(whole["k"].unique()) if (whole["image"] == image).any()
    ]  # fmt: skip
    content = {"figure": figure, "tables": tables, "modalities": modalities, "simulated": simulated,
               "several_folds": len(whole) < len(rows)}  # fmt: skip
    html = rendered("mgi.reporting", "modality_retrieval.html.j2", content)
    return html, {"retrieval_modalities": figure}


def _place(modality: str) -> tuple[bool, bool, str]:
    """Expression first, the control last, the others by name."""
    return modality != EXPRESSION, modality == COVARIATES, modality


def _runs(rows: pd.DataFrame) -> dict[tuple[str, int], Row]:
    """By pre-training and seed the printed name, and the modalities that it read."""
    found = {}
    for pretraining, seed in dict.fromkeys(zip(rows["pretraining"], rows["run_seed"].map(int), strict=True)):
        own = rows[(rows["pretraining"] == pretraining) & (rows["run_seed"] == seed)]
        name = "as configured" if pretraining == PLAIN else str(pretraining).removeprefix(f"{PLAIN}-")
        read = ", ".join(sorted(own["modality"].unique(), key=_place))
        found[str(pretraining), seed] = {"name": name if seed == 0 else f"{name}, seed {seed}", "read": read}
    return found


def _table(rows: pd.DataFrame, runs: Mapping[tuple[str, int], Row], modalities: Sequence[str]) -> Row:
    """A line a pre-training and a cell a modality, None where it was not read; the heads say patients and chance."""
    cells = {
        (str(row["pretraining"]), int(row["run_seed"]), str(row["modality"])): row for row in rows.to_dict("records")
    }
    heads = []
    for name in modalities:
        own = rows[rows["modality"] == name]
        heads.append({"name": name, "n": _range(own["n"], 0), "chance": _range(own["chance"], 3)})
    lines = [{**run, "cells": [cells.get((*key, name)) for name in modalities]} for key, run in runs.items()]
    return {"heads": heads, "lines": lines}


def _range(values: pd.Series, digits: int) -> str:
    """One number, or the lowest and the highest where pre-trainings differ."""
    ends = dict.fromkeys(number(float(end), digits) for end in (values.min(), values.max()))
    return " to ".join(ends)


def _figure(
    rows: pd.DataFrame, runs: Mapping[tuple[str, int], Row], modalities: Sequence[str], *, simulated: bool
) -> str:
    """A panel a modality, a row a pre-training that read it: the share found, with interval, beside chance."""
    panels = {name: rows[rows["modality"] == name] for name in modalities}
    counts = [own.groupby(["pretraining", "run_seed"]).ngroups for own in panels.values()]
    with matplotlib.rc_context(STYLE):
        figure = new_figure(0.9 + sum(0.55 + 0.27 * count for count in counts))
        axes = np.atleast_1d(figure.subplots(len(panels), 1, sharex=True, height_ratios=[1.5 + one for one in counts]))
        for place, (name, own) in zip(axes, panels.items(), strict=True):
            _panel(place, own, runs)
            place.set_title(f"{name}, {_range(own['n'], 0)} patients")
        axes[-1].set_xlabel("share of test patients, 95 % interval")
        handles: list[Any] = [
            matplotlib.lines.Line2D([], [], color=colour, marker="o", lw=1.6, ms=5, label=f"among the {k} nearest")
            for k, colour in DRAWN.items()
        ]  # fmt: skip
        handles[0].set_label("the nearest")
        handles.append(matplotlib.lines.Line2D([], [], color=GREY, lw=1.2, ls=(0, (4, 3)), label="chance"))
        figure.legend(handles=handles, loc="outside lower center", ncols=3, fontsize=8.5)
    return as_data_uri(figure, simulated=simulated)


def _panel(axes: Any, rows: pd.DataFrame, runs: Mapping[tuple[str, int], Row]) -> None:
    read = set(zip(rows["pretraining"], rows["run_seed"], strict=True))
    shown = [key for key in runs if key in read]
    for (k, colour), shift in zip(DRAWN.items(), (0.14, -0.14), strict=True):
        own = rows[rows["k"] == k]
        axes.axvline(own["chance"].mean(), color=colour, lw=1.2, ls=(0, (4, 3)), zorder=1)
        for height, (pretraining, seed) in enumerate(shown):
            (row,) = own[(own["pretraining"] == pretraining) & (own["run_seed"] == seed)].to_dict("records")
            axes.plot([row["low"], row["high"]], [shift - height] * 2, color=colour, lw=1.6, zorder=3)
            axes.plot(row["retrieved"], shift - height, "o", color=colour, ms=5, zorder=4)
    axes.set_yticks([-height for height in range(len(shown))], [runs[key]["name"] for key in shown], fontsize=8.5)
    axes.set_ylim(-len(shown) + 0.4, 0.6)
    axes.set_xlim(-0.02, 1.02)
    axes.grid(visible=False, axis="y")
