"""Figures of attributions: genes with intervals, gene sets beside random weights, deletion curves, attention maps."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.lines import Line2D
from numpy.typing import NDArray

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
    WIDTH,
    as_data_uri,
    new_figure,
)

_OF_SETS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY)
MOST_SETS = 20
"""Gene sets in a figure: those of the largest mean absolute sum."""


def set_colours(genes: pd.DataFrame) -> dict[str, str]:
    """A colour for the first set of each gene; none where there are more sets than colours."""
    names = sorted(set(_first_sets(genes)) - {""})
    return dict(zip(names, _OF_SETS, strict=False)) if len(names) <= len(_OF_SETS) else {}


def genes_figure(genes: pd.DataFrame, colours: Mapping[str, str], *, simulated: bool) -> str | None:
    """A bar for each gene: its mean |attribution| with an interval, in the colour of its first set."""
    if genes.empty:
        return None
    first = _first_sets(genes)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(1.0 + 0.19 * len(genes))
        axes = figure.subplots()
        heights = -np.arange(len(genes), dtype=float)
        shades = [colours.get(name, GREY if colours else BLUE) for name in first]
        axes.barh(heights, genes["mean_absolute"], color=shades, height=0.72)
        axes.hlines(heights, genes["low"], genes["high"], color=INK, lw=1)
        axes.set_yticks(
            heights, [str(name) for name in genes["gene_name"].astype(object).fillna(genes["gene_id"])], fontsize=8
        )
        axes.set_ylim(heights[-1] - 0.7, 0.7)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel("mean |attribution|, with its 95 % interval over patients")
        if colours:
            known = [(name, colour) for name, colour in colours.items() if name in set(first)]
            known += [("in no set", GREY)] if "" in set(first) else []
            handles = [Line2D([], [], color=colour, lw=5, label=name) for name, colour in known]
            figure.legend(handles=handles, loc="outside upper center", ncols=3, fontsize=9.5)
    return as_data_uri(figure, simulated=simulated)


def sets_figure(sets: pd.DataFrame, *, simulated: bool) -> str | None:
    """A row for each gene set: how often its genes outrank genes in no set, of the network and of random weights.

    Scores are those over what random weights give the gene, where there are several draws of them.
    """
    random_rows = sets[sets["network"] == "random_weights"]
    relative = random_rows["auc_relative"].notna().any()
    column = "auc_relative" if relative else "auc"
    trained = sets[sets["network"] == "trained"].dropna(subset=[column])
    if trained.empty:
        return None
    shown = trained.nlargest(MOST_SETS, "mean_absolute")["gene_set"].tolist()
    trained = trained[trained["gene_set"].isin(shown)].sort_values(column, ascending=False)
    random: dict[str, float] = dict(random_rows[["gene_set", column]].values.tolist())
    rows = trained[["gene_set", "genes", column]].values.tolist()
    with matplotlib.rc_context(STYLE):
        figure = new_figure(1.2 + 0.32 * len(trained))
        axes = figure.subplots()
        for height, (name, _, auc) in enumerate(rows):
            if name in random:
                axes.plot([random[name], auc], [-height, -height], color=GREY, lw=1, zorder=1)
                axes.plot(random[name], -height, "o", color="white", mec=INK, ms=7)
            axes.plot(auc, -height, "o", color=BLUE, ms=7)
        labels = [f"{_short(name)} ({genes})" for name, genes, _ in rows]
        axes.set_yticks(-np.arange(len(trained)), labels)
        axes.axvline(0.5, color=GREY, lw=1, ls="--")
        axes.set_ylim(-len(trained) + 0.4, 0.6)
        axes.set_xlim(min(0.45, trained[column].min() - 0.03, *(auc - 0.03 for auc in random.values())), 1.02)
        axes.grid(visible=False, axis="y")
        beside = ", over that of random weights" if relative else ""
        axes.set_xlabel(f"AUC of |attribution|{beside}, against genes in no set")
        handles = [Line2D([], [], color=BLUE, marker="o", ls="", ms=7, label="trained network")]
        if random:
            handles.append(Line2D([], [], color="white", mec=INK, marker="o", ls="", ms=7, label="random weights"))
        figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=9.5)
    return as_data_uri(figure, simulated=simulated)


def deletion_figure(curves: pd.DataFrame, *, simulated: bool) -> str | None:
    """What remains of the answer as genes are set to the average: the strongest first, and at random."""
    if curves.empty or curves["remaining"].isna().all():
        return None
    styles = {"own": (BLUE, "-", "strongest genes first"), "random": (INK, "--", "random genes first")}
    with matplotlib.rc_context(STYLE):
        figure = new_figure(2.6)
        axes = figure.subplots()
        for order, (colour, line, label) in styles.items():
            curve = curves[curves["order"] == order].sort_values("share")
            axes.plot(np.arange(len(curve)), curve["remaining"], line, color=colour, marker="o", ms=4, label=label)
        shares = sorted(curves["share"].unique())
        axes.set_xticks(np.arange(len(shares)), [f"{share:.0%}" for share in shares])
        axes.axhline(0, color=GREY, lw=1)
        axes.set_xlabel("share of the genes set to the average")
        axes.set_ylabel("what remains")
        axes.legend(fontsize=9.5)
    return as_data_uri(figure, simulated=simulated)


def attention_figure(rows: Sequence[Mapping[str, Any]], *, simulated: bool) -> str | None:
    """A row per patient: the slice, and where gene tokens look: own genes, another patient's, the null token."""
    if not rows:
        return None
    titles = ("image", "own genes", "another's", "null token")
    side = (WIDTH - 0.2) / len(titles)
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure = new_figure(0.6 + len(rows) * (side + 0.05))
        grid = figure.subplots(len(rows), len(titles), squeeze=False)
        for axes, row in zip(grid, rows, strict=True):
            _draw_attention(axes, row)
        for axes, title in zip(grid[0], titles, strict=True):
            axes.set_title(title, fontsize=10)
        handles = [
            Line2D([], [], color=ORANGE, lw=2, label="true mask"),
            Line2D([], [], color=SKY, lw=2, ls=(0, (3, 1.2)), label="prediction"),
        ]
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
    return as_data_uri(figure, simulated=simulated, raster=True)


def _draw_attention(axes: Sequence[Any], row: Mapping[str, Any]) -> None:
    image, truth, prediction = (_square(row[name], row["side"]) for name in ("image", "truth", "prediction"))
    maps = [np.asarray(row[name], dtype=float) for name in ("own", "other", "null")]
    top = max(one.max() for one in maps)
    for panel, shown in zip(axes, (None, *maps), strict=True):
        panel.imshow(image, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
        if shown is not None:
            grid = round(len(shown) ** 0.5)
            extent = (-0.5, row["side"] - 0.5, row["side"] - 0.5, -0.5)
            panel.imshow(
                shown.reshape(grid, grid), cmap="magma", vmin=0, vmax=top, alpha=0.6, extent=extent,
                interpolation="nearest",
            )  # fmt: skip
        for mask, colour, line in ((truth, ORANGE, "-"), (prediction, SKY, (0, (3, 1.2)))):
            if mask.any() and not mask.all():
                panel.contour(mask.astype(float), levels=[0.5], colors=[colour], linewidths=1.2, linestyles=[line])
        panel.set_xticks([])
        panel.set_yticks([])
        panel.spines[:].set_visible(False)
    axes[0].set_ylabel(str(row["patient_id"]), fontsize=7)


def _square(pixels: bytes, side: int) -> NDArray[np.uint8]:
    return np.frombuffer(pixels, np.uint8).reshape(side, side)


def _first_sets(genes: pd.DataFrame) -> list[str]:
    return [str(names).split("; ")[0] for names in genes["gene_sets"].astype(object).fillna("")]


def _short(name: str) -> str:
    return name if len(name) <= 28 else f"{name[:27]}…"
