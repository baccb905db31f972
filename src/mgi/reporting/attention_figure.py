"""Where slide encoders look: tiles of some slides, coloured by their share of attention, over the small pictures."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.collections import PatchCollection
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from mgi.shards.contact_sheet import MOST, pictures_in
from mgi.tasks.drawing import STYLE, as_data_uri, new_figure

MOST_DRAWN, PER_ROW = 6, 2
LEAST, MOST_TIMES = 0.25, 4.0  # of equal shares: what the colours tell apart


@dataclass(frozen=True, kw_only=True)
class SlideView:
    """A slide's picture (h, w, 3), its `size` (width, height) and the corners (N, 2) and `side` of tiles, in pixels of
    level 0; `times` (N,) is each tile's attention over that of equal shares."""

    name: str
    picture: NDArray[np.uint8]
    size: tuple[float, float]
    corners: NDArray[np.int64]
    side: float
    times: NDArray[np.float64]


def views_of(attention: pd.DataFrame, slides: pd.DataFrame, stated: Mapping[str, Any], sheet: Path) -> list[SlideView]:
    """The first MOST_DRAWN slides of `attention`, as far as the shard says how large they are.

    `slides` has a row a slide in the order of the sheet; `stated` is what the shard says of all tiles.
    """
    known = slides.iloc[:MOST]
    known = known[known["width"].notna()]
    number = dict(zip(known["slide_id"], known.index.tolist(), strict=True))
    form = {str(row["slide_id"]): row for row in known.to_dict("records")}
    total = attention.groupby("patient_id")["attention"].transform("size")
    shown = attention.assign(times=attention["attention"] * total)
    groups = [(str(name), own) for name, own in shown.groupby("slide_id", sort=False) if name in number][:MOST_DRAWN]
    pictures = pictures_in(sheet, [number[name] for name, _ in groups])
    views = []
    for (name, own), picture in zip(groups, pictures, strict=True):
        row = form[name]
        views.append(
            SlideView(
                name=str(own["patient_id"].iloc[0]),
                picture=picture,
                size=(float(row["width"]), float(row["height"])),
                corners=own[["x0", "y0"]].to_numpy(np.int64),
                side=float(stated["tile_px"]) * float(stated["mpp"]) / float(row["mpp"]),
                times=own["times"].to_numpy(np.float64),
            )
        )
    return views


def attention_figure(views: Sequence[SlideView], *, simulated: bool) -> str | None:
    """The views side by side, as a `data:` address; None of none."""
    if not views:
        return None
    rows = -(-len(views) // PER_ROW)
    with matplotlib.rc_context(STYLE):
        figure = new_figure(2.5 * rows + 0.5)
        axes = figure.subplots(rows, PER_ROW, squeeze=False)
        for place in axes.flat:
            place.set_axis_off()
        scale = matplotlib.colors.LogNorm(LEAST, MOST_TIMES)
        for view, place in zip(views, axes.flat, strict=False):
            place.imshow(view.picture, extent=(0, view.size[0], view.size[1], 0), interpolation="nearest")
            squares = [Rectangle((x, y), view.side, view.side) for x, y in view.corners.tolist()]
            tiles = PatchCollection(squares, cmap="viridis", norm=scale, alpha=0.65, linewidth=0)
            tiles.set_array(np.clip(view.times, LEAST, MOST_TIMES))
            drawn = place.add_collection(tiles)
            place.set_title(view.name, fontsize=9)
        bar = figure.colorbar(drawn, ax=axes, location="bottom", shrink=0.6, ticks=[0.25, 0.5, 1, 2, 4])
        bar.ax.set_xticklabels(["¼ or less", "½", "1", "2", "4 or more"])
        bar.ax.minorticks_off()
        bar.set_label("times the attention of equal shares", fontsize=9)
    return as_data_uri(figure, simulated=simulated, raster=True)
