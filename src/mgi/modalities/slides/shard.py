"""Put the tiles of a part's patients into its file: a vector a tile, by the encoder of the settings or as given."""

from collections import defaultdict
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import sha256_of
from mgi.core.prefetch import map_ahead
from mgi.locks.item import Item
from mgi.locks.raw_index import RawEntry
from mgi.locks.runners_up import candidates_of, settled
from mgi.modalities.sharding import ShardJob
from mgi.modalities.slides.consumed import CONSUMED, read_consumed, settings_of
from mgi.modalities.slides.conversion import Converted, convert_slide, row_of
from mgi.modalities.slides.encoders import Encoder, open_encoder, tile_form
from mgi.modalities.slides.inspection import features_for
from mgi.modalities.slides.settings import GDC, PRECOMPUTED, SlidesSettings
from mgi.modalities.slides.slide_names import name_of
from mgi.modalities.slides.sources.folder import SLIDES, stated_mpp
from mgi.modalities.slides.thumbnails import thumbnail_of_places
from mgi.modalities.slides.tiles import TileForm
from mgi.shards.bag_parts import bag_part_writer
from mgi.shards.bags import Bag
from mgi.shards.contact_sheet import write_sheet

WEIGHTS = "weights"
Served = tuple[Item, RawEntry]


def shard(job: ShardJob) -> str:
    """Write the tiles and the picture of the part's slides, and its record last."""
    chosen = SlidesSettings.read({"source": job.lock.source, **job.settings}, where="modalities.slides")
    served = _served(job)
    folder = None if chosen.source == GDC else Path(job.own_table("folder"))
    convert, width, stated = _conversion(chosen, folder, job.inputs.get(WEIGHTS), served)
    own, thumbnails = [one for one in served if one[0].patient_id in job.patients], []
    stated = {"modality": SLIDES, "source": job.lock.source, **stated}
    with bag_part_writer(
        job.outputs["tiles"], job.outputs["part"], part=job.part, width=width, stated=stated
    ) as writer:
        for one in map_ahead(convert, own, threads=job.threads):
            writer.add(one.bag, one.row, simulated=one.simulated or job.lock.simulated)
            thumbnails.append(one.thumbnail)
        write_sheet(job.outputs["picture"], thumbnails)
    bad = sum(row["bad_tiles"] for row in writer.rows)
    left_out = f", {bad} that cannot be decoded left out" if bad else ""
    return f"part {job.part}: {len(own)} slides, {sum(row['tiles'] for row in writer.rows)} tiles{left_out}"


def _served(job: ShardJob) -> list[Served]:
    """The slide that serves each patient of all parts, in order of their ids: the chosen one, or what took its place.

    Every part has them all: what is stated of the shard must be the same, whoever lies in which part.
    """
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
) -> tuple[Callable[[Served], Converted], int, dict[str, Any]]:
    """What makes a bag of a slide, the numbers of a tile, and what the description says of all of them."""
    if folder is not None and not folder.is_dir():
        raise ConfigError(f"--table: {folder}: no folder, expected the one that the lock was made from")
    form = tile_form(chosen)
    tiles: dict[str, Any] = {"tile_px": form.px, "mpp": form.mpp, "weights_of": chosen.weights_of}
    if chosen.source == PRECOMPUTED:
        width = features_for(_as_fetched(folder, served[0][1]), form, chosen.weights_of).width
        convert = partial(_from_features, folder=folder, form=form, encoder=chosen.weights_of)
        return convert, width, {**tiles, "encoder": PRECOMPUTED, "weights_sha256": None}
    encoder = open_encoder(chosen, weights)
    stated: dict[str, Any] = {
        "encoder": encoder.name,
        "weights_sha256": encoder.weights_sha256,
        "min_tissue": form.min_tissue,
    }
    if chosen.pixel_mean is not None:
        stated |= {"pixel_mean": list(chosen.pixel_mean), "pixel_sd": list(chosen.pixel_sd or ())}
    return partial(_from_slide, folder=folder, chosen=chosen, encoder=encoder), encoder.width, {**tiles, **stated}


def _from_slide(served: Served, *, folder: Path | None, chosen: SlidesSettings, encoder: Encoder) -> Converted:
    item, entry = served
    path = _as_fetched(folder, entry)
    if path.suffix == CONSUMED:
        return read_consumed(path, item, settings_of(chosen, stated_mpp(item)))
    return convert_slide(path, item, chosen, encoder, source=_source(entry))


def _from_features(served: Served, *, folder: Path | None, form: TileForm, encoder: str | None) -> Converted:
    item, entry = served
    found = features_for(_as_fetched(folder, entry), form, encoder)
    bag = Bag(
        patient_id=item.patient_id,
        slide_id=name_of(item).slide_id,
        corners=found.corners,
        embeddings=found.values,
    )
    return Converted(
        bag=bag, row=row_of(bag, _source(entry), 0), thumbnail=thumbnail_of_places(found.corners, bag.patient_id)
    )


def _source(entry: RawEntry) -> str:
    """What the table says of a slide's bytes: their SHA-256, or the MD5 of an archive."""
    return f"md5:{entry.md5}" if entry.md5 else entry.digest


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
