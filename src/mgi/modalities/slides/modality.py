"""Whole-slide images: of the GDC, or a folder of them, or of vectors of their tiles that were computed elsewhere."""

from collections.abc import Mapping, Sequence
from typing import Any

from mgi.locks.item import Item
from mgi.modalities.modality import Modality

WEIGHTS = "weights"


def absent(items: Sequence[Item]) -> str:
    """Why a patient has no slide: none is listed, or the first reason against those that are."""
    reasons = sorted({item.reason for item in items if not item.chosen and item.reason})
    return f"no slide chosen ({reasons[0]})" if reasons else "no slide"


def shard_inputs(section: Mapping[str, Any]) -> dict[str, str]:
    """The weights of the encoder, where it has any."""
    return {WEIGHTS: section[WEIGHTS]} if section.get(WEIGHTS) else {}


def fetch_makes_or_checks_vectors(section: Mapping[str, Any]) -> bool:
    """Whether a fetch needs to know the encoder: it makes vectors where slides are not kept, or checks given ones."""
    return section["source"] == "precomputed" or not section.get("keep", True)


MODALITY = Modality(
    name="slides",
    shard_format="bags",
    settings="mgi.modalities.slides.settings:SlidesSettings",
    fetching="mgi.modalities.slides.sources.opening",
    sharding="mgi.modalities.slides.shard",
    own_files={"folder": "folder", "precomputed": "folder"},
    lists=("slide_list",),
    shard_keys=("encoder", WEIGHTS, "weights_sha256", "weights_of", "pixel_mean", "pixel_sd"),
    shared_keys=("tile_px", "mpp", "min_tissue", "min_tiles", "unstated_mpp"),
    shard_inputs=shard_inputs,
    fetch_reads_shard_keys=fetch_makes_or_checks_vectors,
    absent=absent,
)
