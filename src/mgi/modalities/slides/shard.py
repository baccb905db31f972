"""Put the tiles of the patients' slides into one shard: a vector a tile, by the encoder of the settings or as given."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import sha256_of
from mgi.core.prefetch import map_ahead
from mgi.locks.item import Item
from mgi.locks.raw_index import RawEntry
from mgi.locks.runners_up import candidates_of, settled
from mgi.modalities.sharding import ShardJob
from mgi.modalities.slides.contact_sheet import Thumbnail, thumbnail_of, thumbnail_of_places, write_sheet
from mgi.modalities.slides.encoders import Encoder, open_encoder, tile_form
from mgi.modalities.slides.inspection import features_for
from mgi.modalities.slides.reader import Slide, opened_slide
from mgi.modalities.slides.settings import GDC, PRECOMPUTED, SlidesSettings
from mgi.modalities.slides.slide_names import name_of
from mgi.modalities.slides.sources.folder import SLIDES, stated_mpp
from mgi.modalities.slides.survey import require_few_bad, survey_of
from mgi.modalities.slides.tiles import Place, TileForm, read_tiles
from mgi.shards.bags import Bag, bag_writer, describe_bags

WEIGHTS = "weights"
TILES_AT_ONCE = 64
Served = tuple[Item, RawEntry]


@dataclass(frozen=True, kw_only=True)
class Converted:
    """A slide's bag, what the table of slides says of it, its small picture, and whether it calls itself simulated."""

    bag: Bag
    row: dict[str, Any]
    thumbnail: Thumbnail
    simulated: bool = False


def shard(job: ShardJob) -> str:
    """Write the tiles, the table and the picture of the slides, and their description last."""
    chosen = SlidesSettings.read({"source": job.lock.source, **job.settings}, where="modalities.slides")
    served = _served(job)
    folder = None if chosen.source == GDC else Path(job.own_table("folder"))
    convert, stated = _conversion(chosen, folder, job.inputs.get(WEIGHTS), served)
    rows, thumbnails, simulated = [], [], job.lock.simulated
    with bag_writer(job.outputs["tiles"], int(stated["width"])) as writer:
        for one in map_ahead(convert, served, threads=job.threads):
            writer.add(one.bag)
            rows.append(one.row)
            thumbnails.append(one.thumbnail)
            simulated |= one.simulated
    write_sheet(job.outputs["sheet"], thumbnails)
    describe_bags(
        job.outputs["tiles"],
        job.outputs["slides"],
        job.outputs["dataset"],
        rows,
        sha256=writer.sha256(),
        modality=SLIDES,
        source=job.lock.source,
        simulated=simulated,
        **stated,
    )
    bad = sum(row["bad_tiles"] for row in rows)
    left_out = f", {bad} that cannot be decoded left out" if bad else ""
    return f"{len(rows)} slides, {sum(row['tiles'] for row in rows)} tiles{left_out}"


def _served(job: ShardJob) -> list[Served]:
    """The slide that serves each patient, in order of their ids: the chosen one, or what took its place."""
    grouped: dict[str, list[Item]] = defaultdict(list)
    for item in job.lock.items:
        grouped[item.patient_id].append(item)
    found = []
    for chosen in job.lock.chosen:
        serves, missing = settled(candidates_of(chosen, grouped[chosen.patient_id]), job.raw, lambda one, other: True)
        if missing is not None:
            raise BadInputError(f"{missing.patient_id}: {missing.key}: in no raw index; fetch it again")
        if serves is not None:
            found.append((serves, job.raw[serves.key]))
    if not found:
        raise BadInputError(f"{SLIDES}: no slide that can serve, expected one per patient")
    return found


def _conversion(
    chosen: SlidesSettings, folder: Path | None, weights: str | None, served: list[Served]
) -> tuple[Callable[[Served], Converted], dict[str, Any]]:
    """What makes a bag of a slide, and what the description says of all of them."""
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"--table: {folder}: no folder, expected the one that the lock was made from")
    form = tile_form(chosen)
    tiles: dict[str, Any] = {"tile_px": form.px, "mpp": form.mpp, "weights_of": chosen.weights_of}
    if chosen.source == PRECOMPUTED:
        width = features_for(_as_fetched(folder, served[0][1]), form, chosen.weights_of).width
        convert = partial(_from_features, folder=folder, form=form, encoder=chosen.weights_of)
        return convert, {**tiles, "encoder": PRECOMPUTED, "weights_sha256": None, "width": width}
    encoder = open_encoder(chosen, weights)
    stated = {"encoder": encoder.name, "weights_sha256": encoder.weights_sha256, "width": encoder.width}
    return partial(_from_slide, folder=folder, chosen=chosen, encoder=encoder), {
        **tiles,
        **stated,
        "min_tissue": form.min_tissue,
    }


def _from_slide(served: Served, *, folder: Path | None, chosen: SlidesSettings, encoder: Encoder) -> Converted:
    item, entry = served
    form, path = tile_form(chosen), _as_fetched(folder, entry)
    with opened_slide(path, stated_mpp(item), chosen.unstated_mpp) as slide:
        found = survey_of(slide, form, chosen.min_tiles)
        places, vectors = _embedded(slide, found.places, form, encoder)
        bag = Bag(
            patient_id=item.patient_id,
            slide_id=name_of(item).slide_id,
            corners=np.array([(one.x0, one.y0) for one in places], np.int64),
            embeddings=vectors,
            tissue=np.array([one.tissue for one in places], np.float32),
        )
        row = {
            **_row(bag, entry, len(found.places) - len(places)),
            "width": slide.width,
            "height": slide.height,
            "mpp": slide.mpp,
            "levels": len(slide.reductions),
            "vendor": slide.vendor,
            "tissue_mm2": found.tissue_mm2(slide.mpp),
            "pen": found.tissue.pen,
            "black": found.tissue.black,
            "threshold": found.tissue.threshold,
            "mask_um": found.overview.step * slide.mpp,
        }
        picture = thumbnail_of(found.overview.pixels, found.tissue.mask, bag.patient_id, len(places))
        return Converted(bag=bag, row=row, thumbnail=picture, simulated=slide.simulated)


def _embedded(
    slide: Slide, places: Sequence[Place], form: TileForm, encoder: Encoder
) -> tuple[list[Place], NDArray[np.float32]]:
    """The places whose tiles can be decoded, with their vectors (n, width); some tiles are held at a time."""
    kept, vectors, waiting = [], [], []
    for number, pixels in read_tiles(slide, places, form):
        if pixels is not None:
            kept.append(places[number])
            waiting.append(pixels)
        if waiting and (len(waiting) == TILES_AT_ONCE or number + 1 == len(places)):
            vectors.append(encoder.embed(np.stack(waiting)))
            waiting = []
    require_few_bad(slide.name, len(places) - len(kept), len(places))
    return kept, np.concatenate(vectors)


def _from_features(served: Served, *, folder: Path | None, form: TileForm, encoder: str | None) -> Converted:
    item, entry = served
    found = features_for(_as_fetched(folder, entry), form, encoder)
    bag = Bag(
        patient_id=item.patient_id,
        slide_id=name_of(item).slide_id,
        corners=found.corners,
        embeddings=found.values,
    )
    return Converted(bag=bag, row=_row(bag, entry, 0), thumbnail=thumbnail_of_places(found.corners, bag.patient_id))


def _row(bag: Bag, entry: RawEntry, bad: int) -> dict[str, Any]:
    counts = {"tiles": len(bag.corners), "bad_tiles": bad}
    return {"patient_id": bag.patient_id, "slide_id": bag.slide_id, "source": entry.digest, **counts}


def _as_fetched(folder: Path | None, entry: RawEntry) -> Path:
    """The file in the user's folder, or where it was fetched to: its bytes must still be those that were fetched."""
    if folder is None:
        return entry.verified_path()
    path = folder / entry.key
    if not path.is_file():
        raise IntegrityError(f"{path}: missing, though its index lists it; lock and fetch again")
    if (found := sha256_of(path)) != entry.sha256:
        raise IntegrityError(f"{path}: sha256 {found}, expected {entry.sha256}; it was changed, lock and fetch again")
    return path
