"""The report's part on slides: how many tiles each has, what was taken for tissue, inputs side by side, attention."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mgi.core.run import IMAGE, NO_SCAN, NO_SLIDES, SLIDES
from mgi.evaluation.expression_inputs import (
    ALONE,
    IMAGE_PERMUTED,
    LEFT_OUT,
    NOT_USED,
    NULL_TOKEN,
    OWN,
    PERMUTED,
)
from mgi.explain.tile_attention_file import read_tile_attention
from mgi.reporting.attention_figure import attention_figure, views_of
from mgi.shards.bags import OpenBags
from mgi.shards.contact_sheet import first_slides
from mgi.tasks.report_parts import Section
from mgi.tasks.text import rendered

MOST_SHOWN = 64  # slides of the sheet that the page holds
ROUNDING = 1e-6  # of shares that are stored as float32
COMPARED = (
    ("slides and genes", "mgi", OWN),
    ("genes alone, trained again", "mgi-no-image", OWN),
    ("slides alone, trained again", "mgi-no-genes", NOT_USED),
    ("own genes, another patient's slide", "mgi", IMAGE_PERMUTED),
    ("slides alone, another patient's slide", "mgi-no-genes", IMAGE_PERMUTED),
)
"""What a row of the table is called, and the method and input that it is of."""
COMPARED_BESIDE = (
    ("scan, slides and genes", "mgi", OWN),
    ("slides and genes, trained again", f"mgi-{NO_SCAN}", OWN),
    ("scan and genes, trained again", f"mgi-{NO_SLIDES}", OWN),
    ("scan and slides, trained again", "mgi-no-genes", NOT_USED),
    ("genes alone, trained again", "mgi-no-image", OWN),
    ("the same network, scan left out", "mgi", f"{IMAGE}_{LEFT_OUT}"),
    ("the same network, slides left out", "mgi", f"{SLIDES}_{LEFT_OUT}"),
    ("the same network, genes left out", "mgi", NULL_TOKEN),
    ("the same network, scan alone", "mgi", f"{IMAGE}_{ALONE}"),
    ("the same network, slides alone", "mgi", f"{SLIDES}_{ALONE}"),
    ("another patient's scan", "mgi", f"{IMAGE}_{PERMUTED}"),
    ("another patient's slide", "mgi", f"{SLIDES}_{PERMUTED}"),
    ("another patient's genes", "mgi", PERMUTED),
)
"""The same where slides are read beside scans."""
NOTES = (
    "Attention says where a slide encoder looked. It does not say that a tile speaks for a class, nor that the tissue "
    "in it caused anything.",
)


@dataclass(frozen=True, kw_only=True)
class BagsInput:
    """What the part is made of: the shard and its picture, files of tile-attention, and the task's results.

    `score` is what the `headline` is called.
    """

    bags: OpenBags
    sheet: Path
    attention: Sequence[Path]
    results: pd.DataFrame
    headline: str
    score: str
    simulated: bool
    beside_scans: bool = False


def bags_section(given: BagsInput) -> Section:
    """The part as HTML with its figures; the attention of the first run is drawn."""
    bags, slides = given.bags, given.bags.slides.to_pandas()
    found = [read_tile_attention(path) for path in given.attention]
    figures: dict[str, str | None] = {"slides": _sheet_figure(given.sheet), "tile_attention": None}
    if found:
        views = views_of(found[0], slides, bags.stated, given.sheet)
        figures["tile_attention"] = attention_figure(views, simulated=given.simulated)
    content: dict[str, Any] = {
        "stated": bags.stated,
        "tiles": slides["tiles"].describe(),
        "bad": int(slides["bad_tiles"].sum()),
        "n_slides": len(slides),
        "shown": min(len(slides), MOST_SHOWN),
        "most_attention": _half_of_attention(found),
        "compared": _compared(given.results, given.headline, COMPARED_BESIDE if given.beside_scans else COMPARED),
        "beside_scans": given.beside_scans,
        "score": given.score,
        "figures": figures,
        "simulated": given.simulated,
    }
    html = rendered("mgi.reporting", "bags_section.html.j2", content)
    return Section(html=html, figures=figures, links={"slides": "Slides"}, notes=NOTES)


def _compared(results: pd.DataFrame, headline: str, compared: Sequence[tuple[str, str, str]]) -> list[dict[str, Any]]:
    """The rows of `compared` that there are, with what makes one circular."""
    rows = []
    for name, method, given in compared:
        of_case = results[(results["method"] == method) & (results["expression_input"] == given)]
        of_case = of_case[of_case["definition"] == headline]
        for record in of_case.to_dict("records"):
            row = {str(column): value for column, value in record.items()}
            reason = row.get("circular")
            rows.append({**row, "name": name, "circular": reason if isinstance(reason, str) else None})
    return rows


def _half_of_attention(found: Sequence[pd.DataFrame]) -> float | None:
    """The median share of a patient's tiles that have half of the attention; all alike would be a half."""
    shares = [
        (np.searchsorted(np.cumsum(np.sort(own.to_numpy(np.float64))[::-1]), 0.5 - ROUNDING) + 1) / len(own)
        for one in found
        for _, own in one.groupby("patient_id", sort=True)["attention"]
    ]
    return float(np.median(shares)) if shares else None


def _sheet_figure(path: Path) -> str:
    """The first slides of the shard's sheet, as a `data:` address."""
    buffer = io.BytesIO()
    first_slides(path, MOST_SHOWN).save(buffer, "PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
