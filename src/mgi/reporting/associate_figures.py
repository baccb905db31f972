"""Scans of associations drawn: features along the genome (Manhattan), and effects against their p (volcano)."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from numpy.typing import NDArray

from mgi.association.patient_table import About
from mgi.association.scan_file import WrittenScan
from mgi.tasks.drawing import (
    BEHIND,
    BLUE,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    STYLE,
    VERMILION,
    WINE,
    as_data_uri,
    new_figure,
)

Floats = NDArray[np.float64]
HIT_COLOURS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, WINE)
"""Of the phenotypes with most hits; others that have hits are INK."""
LAST = ("X", "Y", "M", "MT")
SMALLEST_P = 1e-300
DPI = 200


def genome_places(about: Sequence[About]) -> tuple[Floats, list[tuple[str, float, float]]] | None:
    """Where each feature lies (F,), NaN where unknown, and name, begin and end of each chromosome.

    Chromosomes stand one after another, each as long as its features reach. None where no feature has a position.
    """
    known = [at for at, one in enumerate(about) if one.chromosome is not None and one.start is not None]
    if not known:
        return None
    names = {at: str(about[at].chromosome).removeprefix("chr") for at in known}
    starts = {at: float(about[at].start or 0) for at in known}
    places, spans, begin = np.full(len(about), np.nan), list[tuple[str, float, float]](), 0.0
    for name in sorted(set(names.values()), key=_rank):
        own = [at for at in known if names[at] == name]
        places[own] = [begin + starts[at] for at in own]
        end = begin + max(starts[at] for at in own)
        spans.append((name, begin, end))
        begin = end
    return places, spans


def manhattan_figure(scans: Mapping[str, WrittenScan], tested: str, *, simulated: bool) -> str:
    """A panel a scan: each feature by its smallest p of all phenotypes, and each hit in its phenotype's colour.

    `tested` says what the features are.
    """
    colours = _colours(scans)
    top = 1.06 * max(_heights(scan.p).max() for scan in scans.values())
    with matplotlib.rc_context(STYLE):
        figure = new_figure(0.7 + 2.3 * len(scans))
        figure.set_dpi(DPI)  # of the dots, which are pixels inside the drawing
        for axes, (title, scan) in zip(figure.subplots(len(scans), squeeze=False)[:, 0], scans.items(), strict=True):
            placed = genome_places(scan.about)
            places, spans = placed or (np.arange(len(scan.features), dtype=np.float64), [])
            heights = _heights(scan.p)
            shades = _shades(places, spans)
            axes.scatter(places, heights.max(axis=0), s=3, c=shades, lw=0, rasterized=True)
            _draw_hits(axes, scan, places[None, :].repeat(len(heights), axis=0), heights, colours)
            _draw_thresholds(axes, scan)
            axes.set_ylim(0, top)
            axes.set_title(title)
            axes.set_ylabel("−log10 p")
            axes.set_xlabel("chromosome" if spans else f"{tested} in the order of the table")
            axes.grid(visible=False, axis="x")
            # Short chromosomes at the end have no room for a name each.
            wide = [span for span in spans if span[2] - span[1] > 0.03 * spans[-1][2]]
            axes.set_xticks([(begin + end) / 2 for _, begin, end in wide], [name for name, *_ in wide], fontsize=7)
        _legend(figure, colours)
    return as_data_uri(figure, simulated=simulated)


def volcano_figure(scans: Mapping[str, WrittenScan], *, simulated: bool) -> str:
    """A panel a scan: the change of a phenotype with a feature against the test's p, hits in their colours.

    The axis reaches to the largest change of a hit and of all but a thousandth of the tests; others are at its edge.
    """
    colours = _colours(scans)
    widest = 1.06 * max(_reach(scan) for scan in scans.values())
    with matplotlib.rc_context(STYLE):
        figure = new_figure(3.1)
        figure.set_dpi(DPI)
        panels = figure.subplots(1, len(scans), sharey=True, squeeze=False)[0]
        for axes, (title, scan) in zip(panels, scans.items(), strict=True):
            heights = _heights(scan.p)
            across = np.clip(scan.beta, -widest, widest)
            axes.scatter(across.ravel(), heights.ravel(), s=2, color=GREY, alpha=0.4, lw=0, rasterized=True)
            _draw_hits(axes, scan, scan.beta, heights, colours)
            axes.set_xlim(-widest, widest)
            axes.set_ylim(bottom=0)
            axes.set_title(title)
            axes.set_xlabel("change a unit of the feature")
        panels[0].set_ylabel("−log10 p")
        _legend(figure, colours)
    return as_data_uri(figure, simulated=simulated)


def _reach(scan: WrittenScan) -> float:
    """The largest absolute change that is drawn where it is."""
    change = np.abs(scan.beta)
    return float(max(np.quantile(change, 0.999), change[scan.hits].max(initial=0)))


def _rank(chromosome: str) -> tuple[int, int, str]:
    if chromosome.isdigit():
        return 0, int(chromosome), ""
    return 1, LAST.index(chromosome) if chromosome in LAST else len(LAST), chromosome


def _heights(p: Floats) -> Floats:
    found: Floats = -np.log10(np.maximum(p, SMALLEST_P))
    return found


def _shades(places: Floats, spans: Sequence[tuple[str, float, float]]) -> list[str]:
    """Two greys in turn, so that one chromosome ends visibly and the next begins."""
    if not spans:
        return [GREY] * len(places)
    ends = [end for _, _, end in spans]
    return [GREY if np.searchsorted(ends, place) % 2 else "#c3cad2" for place in places]


def _colours(scans: Mapping[str, WrittenScan]) -> dict[str, str]:
    """The colour of each phenotype that has hits in any scan, those with most first."""
    counts: dict[str, int] = {}
    for scan in scans.values():
        for phenotype, hits in zip(scan.phenotypes, scan.hits.sum(axis=1).tolist(), strict=True):
            counts[phenotype] = counts.get(phenotype, 0) + hits
    most = sorted((name for name, count in counts.items() if count), key=lambda name: (-counts[name], name))
    return {name: HIT_COLOURS[at] if at < len(HIT_COLOURS) else INK for at, name in enumerate(most)}


def _draw_hits(axes: Any, scan: WrittenScan, across: Floats, heights: Floats, colours: Mapping[str, str]) -> None:
    for row, phenotype in enumerate(scan.phenotypes):
        own = scan.hits[row]
        if own.any():
            axes.scatter(across[row, own], heights[row, own], s=9, color=colours[phenotype], lw=0, rasterized=True)


def _draw_thresholds(axes: Any, scan: WrittenScan) -> None:
    """Dashed: the largest p of a hit. Solid: the largest p whose p_max is at most the same rate."""
    rate = f"{scan.fdr:g}"
    for chosen, style, what in ((scan.hits, "--", "q"), (scan.p_max <= scan.fdr, "-", "max-T p")):
        if chosen.any():
            height = -np.log10(max(scan.p[chosen].max(), SMALLEST_P))
            axes.axhline(height, color=INK, lw=0.8, ls=style)
            axes.annotate(f"{what} ≤ {rate}", (0.995, height), (0, 1), xycoords=axes.get_yaxis_transform(),
                          textcoords="offset points", ha="right", fontsize=7, bbox=BEHIND)  # fmt: skip


def _legend(figure: Any, colours: Mapping[str, str]) -> None:
    shown = [(name, colour) for name, colour in colours.items() if colour != INK]
    if not shown:
        return
    dots = [matplotlib.lines.Line2D([], [], marker="o", ls="", ms=4, color=colour) for _, colour in shown]
    labels = [re.sub("_", " ", name) for name, _ in shown]
    if len(colours) > len(shown):
        dots.append(matplotlib.lines.Line2D([], [], marker="o", ls="", ms=4, color=INK))
        labels.append("others")
    figure.legend(dots, labels, loc="outside lower center", ncols=4, fontsize=8, handletextpad=0.1)
