"""What is kept of a slide whose bytes are not: its bag, its row of the table and its small picture, in one file.

Written by a fetch that deletes slides, read by the shard in their place. It has no pickles.
"""

import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from mgi.core.errors import IntegrityError
from mgi.core.files import atomic_path
from mgi.locks.item import Item
from mgi.modalities.slides.conversion import Converted
from mgi.modalities.slides.settings import SlidesSettings
from mgi.modalities.slides.slide_names import name_of
from mgi.shards.bags import Bag
from mgi.shards.contact_sheet import Thumbnail

CONSUMED = ".npz"
FORMAT = 1
# What decides a slide's bag. Weights count by their digest, wherever they lie.
_DECIDING = (
    "tile_px", "mpp", "min_tissue", "min_tiles", "unstated_mpp", "encoder", "weights_sha256", "weights_of",
    "pixel_mean", "pixel_sd",
)  # fmt: skip


def settings_of(chosen: SlidesSettings, stated_mpp: float | None) -> str:
    """A digest of all that decides a slide's bag beside its bytes; `stated_mpp` is what the user's list says."""
    plain = chosen.plain()
    named = {name: plain[name] for name in _DECIDING} | {"stated_mpp": stated_mpp, "format": FORMAT}
    return hashlib.sha256(json.dumps(named, sort_keys=True).encode()).hexdigest()[:16]


def write_consumed(path: Path, found: Converted | None, settings: str) -> None:
    """Write what was made of a slide; None where it cannot serve, and nothing was made."""
    about: dict[str, Any] = {"settings": settings}
    arrays: dict[str, Any] = {}
    if found is not None:
        words = list(found.thumbnail.words)
        about |= {"row": found.row, "words": words, "simulated": found.simulated}
        arrays = {
            "corners": found.bag.corners,
            "embeddings": found.bag.embeddings,
            "tissue": found.bag.tissue,
            "picture": found.thumbnail.pixels,
        }
    with atomic_path(path) as part, part.open("wb") as sink:
        np.savez(sink, about=np.array(json.dumps(about)), **arrays)


def read_consumed(path: Path, item: Item, settings: str) -> Converted:
    """What was made of an item's slide with these settings.

    Raises IntegrityError where the file is none, or was made with others.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            about = json.loads(str(stored["about"]))
            if about["settings"] != settings:
                said = f"settings: found {about['settings']}, expected {settings}"
                raise IntegrityError(f"{path}: {said}; it was made with other settings, fetch again")
            bag = Bag(
                patient_id=item.patient_id,
                slide_id=name_of(item).slide_id,
                corners=stored["corners"],
                embeddings=stored["embeddings"],
                tissue=stored["tissue"],
            )
            first, second = about["words"]
            picture = Thumbnail(pixels=stored["picture"], words=(first, second))
            return Converted(bag=bag, row=about["row"], thumbnail=picture, simulated=about["simulated"])
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        raise IntegrityError(f"{path}: expected what was made of a slide ({error}); fetch again") from None
