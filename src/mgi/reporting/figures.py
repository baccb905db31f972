"""The figures of the report, for its page and as files: those of any task are training curves and the audit."""

import base64
import re
from collections.abc import Mapping, Sequence
from itertools import cycle
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.lines import Line2D

from mgi.core.files import atomic_path
from mgi.evaluation.expression_inputs import OWN
from mgi.reporting.pretraining_words import CHANCE as CHANCE_LOSS
from mgi.reporting.pretraining_words import LOSS, kind_of
from mgi.reporting.results import Results, RunCurve
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
    colour_of,
    new_figure,
)
from mgi.tasks.text import CONDITIONS, in_order, method_name


def draw_all(results: Results) -> dict[str, str | None]:
    """The figures as `data:` addresses, None where there is nothing to draw; simulated results are marked on each."""
    simulated, reporting = results.simulated, results.reporting
    return {
        **(results.presence.figures if results.presence else {}),
        **results.section.figures,
        **{name: drawn for part in results.analyses.values() for name, drawn in part.figures.items()},
        "curves": curves_figure(results.curves, reporting.curves, simulated=simulated),
        "audit": audit_figure(results.audit, results.score_text, simulated=simulated),
    }


def write_figures(drawn: Mapping[str, str | None], folder: Path) -> list[Path]:
    """Write `<name>.svg`, or `.png` for pictures, for each figure that was drawn; return the paths."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, address in drawn.items():
        if address is None:
            continue
        kind, _, content = address.partition(";base64,")
        suffix = "png" if kind.endswith("png") else "svg"
        with atomic_path(folder / f"{name}.{suffix}") as part:
            part.write_bytes(base64.b64decode(content))
        written.append(folder / f"{name}.{suffix}")
    return written


PRETRAININGS = (INK, ORANGE, SKY, GREEN, PURPLE, VERMILION, YELLOW)
"""Colours of pre-trainings, by their variant; of more than these, colours repeat."""
CHANCE = {LOSS: CHANCE_LOSS, "mean_rank": "chance_rank"}
"""Of a figure of pre-training, what it is where nothing is known."""


def curves_figure(curves: Sequence[RunCurve], validation: Sequence[tuple[str, str]], *, simulated: bool) -> str | None:
    """Panels of what was logged: losses and the task's `validation` (title and field), of pre-training beside chance.

    None where nothing was logged.
    """
    of_task = [curve for curve in curves if curve.method is not None]
    pretraining = [curve for curve in curves if curve.method is None]
    panels = [
        ("Training loss", "loss", of_task),
        *((title, field, of_task) for title, field in validation),
        ("Pre-training loss, all terms", "loss", pretraining),
        ("Validation loss, above minimum (dashed: chance)", LOSS, pretraining),
        ("Mean rank of own genes (dashed: chance)", "mean_rank", pretraining),
    ]
    kinds = dict(zip(dict.fromkeys(kind_of(run.run) for run in pretraining), cycle(PRETRAININGS)))
    drawn = [(title, field, [(run, run.by_step(field)) for run in runs]) for title, field, runs in panels]
    drawn = [panel for panel in drawn if any(len(points) for _, points in panel[2])]
    if not drawn:
        return None
    with matplotlib.rc_context(STYLE):
        figure = new_figure(0.5 + 2.1 * len(drawn))
        for axes, (title, field, runs) in zip(figure.subplots(len(drawn), squeeze=False)[:, 0], drawn, strict=True):
            for run, points in runs:
                colour = colour_of(run.method) if run.method else kinds[kind_of(run.run)]
                style = {"marker": "o", "ms": 3} if len(points) == 1 else {}
                axes.plot(points.index, points.to_numpy(), color=colour, lw=1.3, alpha=0.75, **style)
            axes.set_title(title)
            axes.set_xlabel("step")
            if len(kinds) > 1 and runs and runs[0][0].method is None:
                shown = {kind_of(run.run): None for run, points in runs if len(points)}
                axes.legend(handles=[Line2D([], [], color=kinds[kind], lw=2, label=kind) for kind in shown], fontsize=8)
            if field in dict(validation).values():
                axes.set_ylim(0, 1)
            if field in CHANCE:
                for chance in {level for run in pretraining for level in run.by_step(CHANCE[field]).round(4)}:
                    axes.axhline(chance, color=GREY, lw=1, ls="--")
        methods = in_order(sorted({curve.method for curve in of_task if curve.method}))
        handles = [Line2D([], [], color=colour_of(method), lw=2, label=method_name(method)) for method in methods]
        if handles:
            figure.legend(handles=handles, loc="outside upper center", ncols=2, fontsize=9.5)
    return as_data_uri(figure, simulated=simulated)


def audit_figure(audit: pd.DataFrame, score: str, *, simulated: bool) -> str | None:
    """Left the score in each condition, right how much own genes add to it, with intervals."""
    if len(audit) < 2:
        return None
    rows = list(reversed(list(audit.itertuples())))
    with matplotlib.rc_context(STYLE):
        figure = new_figure(1.1 + 0.5 * len(rows))
        means, differences = figure.subplots(1, 2, sharey=True, width_ratios=(1, 1.3))
        for height, row in enumerate(rows):
            means.plot(row.mean, height, "o", color=BLUE if row.condition == OWN else INK, ms=7)
            means.annotate(f"{row.mean:.3f}", (row.mean, height), (0, 7), textcoords="offset points", ha="center",
                           fontsize=9)  # fmt: skip
            if row.condition != OWN:
                differences.plot([row.low, row.high], [height, height], color=INK, lw=2, solid_capstyle="butt")
                differences.plot(row.difference, height, "D", color=BLUE, ms=6)
        differences.axvline(0, color=GREY, lw=1, ls="--")
        # A label of several words takes two lines, to leave room for the panels.
        labels = [re.sub(r"^(\S+ \S+) ", r"\1\n", CONDITIONS[str(row.condition)]) for row in rows]
        means.set_yticks(range(len(rows)), labels)
        means.set_ylim(-0.6, len(rows) - 0.3)
        means.margins(x=0.35)
        differences.margins(x=0.15)
        means.set_title(score[:1].upper() + score[1:])
        differences.set_title("Own genes minus this")
        for axes in (means, differences):
            axes.grid(visible=False, axis="y")
            axes.locator_params(axis="x", nbins=4)
            axes.tick_params(axis="y", length=0)
    return as_data_uri(figure, simulated=simulated)
