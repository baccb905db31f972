"""A new patient's slide, or the vectors of its tiles: read as the training patients' were, or refused."""

from dataclasses import dataclass
from pathlib import Path

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import sha256_of
from mgi.core.ids import barcode_of
from mgi.locks.item import Item, metadata
from mgi.modalities.slides.conversion import convert_slide
from mgi.modalities.slides.encoders import open_encoder
from mgi.modalities.slides.inspection import features_for
from mgi.modalities.slides.settings import FOLDER, HANDMADE, PRECOMPUTED, SlidesSettings
from mgi.modalities.slides.stored_features import PICKLES, SUFFIXES
from mgi.modalities.slides.tiles import TileForm
from mgi.release.slide_range import TileSource
from mgi.shards.bags import Bag

NEW = "new"


@dataclass(frozen=True, kw_only=True)
class NewSlide:
    """A slide's tiles; `patient_id` as its file name has it, if that is a barcode; `notes` say what is not known."""

    bag: Bag
    kind: str
    sha256: str
    patient_id: str | None
    notes: tuple[str, ...] = ()


def read_new_slide(path: Path, tiles: TileSource, weights: Path | None = None, mpp: float | None = None) -> NewSlide:
    """Read a slide into the tiles that a model was trained on, or a .h5 file of their vectors.

    `weights` is the file of the tiles' encoder, where it has one; `mpp` what the user says of the slide's resolution.
    Raises BadInputError where the file cannot serve or its tiles are others, ConfigError where something is missing.
    """
    if not path.is_file():
        raise BadInputError(f"{path}: missing, expected a slide or a .h5 file of its tiles")
    by_vectors = path.suffix.lower() in (*SUFFIXES, *PICKLES)
    bag = _stored(path, tiles) if by_vectors else _tiled(path, tiles, weights, mpp)
    barcode = barcode_of(path.stem)
    notes = ("the file of vectors does not say which encoder made them",) if by_vectors else ()
    return NewSlide(
        bag=bag,
        kind="vectors" if by_vectors else "slide",
        sha256=sha256_of(path),
        patient_id=None if barcode is None else barcode.patient_id,
        notes=notes,
    )


def _tiled(path: Path, tiles: TileSource, weights: Path | None, mpp: float | None) -> Bag:
    if tiles.encoder == PRECOMPUTED:
        name = tiles.weights_of or "an encoder of its own"
        raise ConfigError(f"--slide: found {path}, expected a .h5 file: the model reads vectors of {name}")
    if tiles.encoder != HANDMADE and weights is None:
        raise ConfigError(f"--tile-weights: missing, expected the weights of {tiles.encoder} ({tiles.weights_sha256})")
    if tiles.encoder == HANDMADE and weights is not None:
        raise ConfigError(f"--tile-weights: found {weights}, expected none: {HANDMADE} has none")
    size = path.stat().st_size
    item = Item(patient_id=NEW, key=path.name, role=NEW, size=size, chosen=True, reason="", metadata=metadata(mpp=mpp))
    chosen = _settings(tiles, weights)
    encoder = open_encoder(chosen, None if weights is None else str(weights))
    return convert_slide(path, item, chosen, encoder, source="").bag


def _settings(tiles: TileSource, weights: Path | None) -> SlidesSettings:
    """As the shard's were; how few tiles are enough is told by a flag."""
    given = {
        "source": FOLDER,
        "tile_px": tiles.tile_px,
        "mpp": tiles.mpp,
        "min_tissue": tiles.min_tissue,
        "min_tiles": 1,
        "encoder": tiles.encoder,
        "weights": None if weights is None else str(weights),
        "weights_sha256": tiles.weights_sha256,
        "weights_of": tiles.weights_of,
        "pixel_mean": tiles.pixel_mean,
        "pixel_sd": tiles.pixel_sd,
    }
    return SlidesSettings.model_validate({name: value for name, value in given.items() if value is not None})


def _stored(path: Path, tiles: TileSource) -> Bag:
    form = TileForm(px=tiles.tile_px, mpp=tiles.mpp, min_tissue=tiles.min_tissue or 0.0)
    found = features_for(path, form, tiles.weights_of)
    if found.width != tiles.width:
        said = f"found {found.width} numbers a tile, expected {tiles.width}, of {tiles.weights_of or tiles.encoder}"
        raise BadInputError(f"{path.name}: features: {said}")
    return Bag(patient_id=NEW, slide_id=path.stem, corners=found.corners, embeddings=found.values)
