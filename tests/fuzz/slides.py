"""Slides, vectors of their tiles and lists of them, and shards of bags: honest ones, and their readers."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.own import beside
from fuzz.target import on_disk

HAS_OPENSLIDE, HAS_H5PY = (importlib.util.find_spec(name) is not None for name in ("openslide", "h5py"))
WIDTH = 8


def write_slide_seeds(folder: Path) -> None:
    """A small slide by each compression, a file of vectors, a list, and a shard."""
    from mgi_standin.simulation.slides import Histology, draw_slide
    from mgi_standin.simulation.slides_svs import write_slide

    histology = Histology(subtype="IDHwt", factors={"size": 0.0, "margin": 0.0, "contrast": 0.0})
    slide = draw_slide(histology, shape=(192, 192), mpp=2.0, rng=np.random.default_rng(0))
    (folder / "slides").mkdir()
    for compression in ("jpeg", "deflate", "jpeg2000"):
        write_slide(folder / f"slides/{compression}.svs", slide, compression)  # type: ignore[arg-type]
    (folder / "slide_list").mkdir()
    (folder / "slide_list/slides.tsv").write_text("file\tpatient_id\tmpp\na.svs\tP1\t0.25\nb.svs\tTCGA-CS-4942\t\n")
    if HAS_H5PY:
        _write_vectors(folder / "tile_vectors")
    _write_bags(folder / "shard_bags")
    _write_parts(folder / "bag_parts")


def _write_vectors(folder: Path) -> None:
    import h5py

    folder.mkdir()
    with h5py.File(folder / "a.h5", "w") as file:
        values = np.random.default_rng(1).normal(size=(20, WIDTH)).astype(np.float32)
        file.create_dataset("features", data=values, chunks=(5, WIDTH), compression="gzip")
        file["coords"] = np.stack([np.arange(20) * 256, np.zeros(20, np.int64)], 1)
        file["coords"].attrs["patch_size"] = 256


def _write_bags(folder: Path) -> None:
    from mgi.shards.bags import Bag, bag_writer, describe_files

    folder.mkdir()
    rng, rows = np.random.default_rng(2), []
    tiles, slides, dataset = (folder / name for name in ("tiles.parquet", "slides.parquet", "dataset.json"))
    with bag_writer(tiles, WIDTH) as writer:
        for patient, n_tiles in (("P1", 12), ("P2", 30)):
            corners = np.stack([np.arange(n_tiles) * 256, np.zeros(n_tiles, np.int64)], 1)
            vectors, tissue = rng.normal(size=(n_tiles, WIDTH)), rng.uniform(0.5, 1, n_tiles)
            writer.add(
                Bag(patient_id=patient, slide_id="a", corners=corners, embeddings=vectors, tissue=tissue),
            )
            rows.append({"patient_id": patient, "slide_id": "a", "tiles": n_tiles, "bad_tiles": 0, "source": "0" * 64})
    stated: dict[str, Any] = {"encoder": "handmade", "width": WIDTH, "tile_px": 256, "mpp": 0.5, "simulated": True}
    describe_files({tiles: writer.sha256()}, slides, dataset, rows, **stated)


def _write_parts(folder: Path) -> None:
    from mgi.core.parts import all_parts, part_of
    from mgi.shards.bag_parts import bag_part_writer
    from mgi.shards.bags import Bag

    folder.mkdir()
    stated = {"encoder": "handmade", "tile_px": 256, "mpp": 0.5, "modality": "slides"}
    for part in all_parts(2):
        tiles, record = (folder / f"part-{part}.{ending}" for ending in ("parquet", "json"))
        with bag_part_writer(tiles, record, part=part, width=WIDTH, stated=stated) as writer:
            for patient in (f"P{number}" for number in range(6) if part_of(f"P{number}", 2) == part):
                bag = Bag(
                    patient_id=patient, slide_id="a", corners=np.zeros((1, 2), np.int64), embeddings=np.ones((1, WIDTH))
                )
                row = {"patient_id": patient, "slide_id": "a", "tiles": 1, "bad_tiles": 0, "source": "0" * 64}
                writer.add(bag, row, simulated=True)
            (folder / f"part-{part}.png").touch()


def read_parts(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.shards.bag_parts import read_bag_parts

    return beside("bag_parts", "part-1-of-2.json", lambda folder: read_bag_parts(folder, 2), seeds, scratch)


def read_slide(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.slides.inspection import inspect_slide
    from mgi.modalities.slides.tiles import TileForm

    form = TileForm(px=32, mpp=2.0, min_tissue=0.5)
    return on_disk(scratch, lambda path: dict(inspect_slide(path, None, form=form, min_tiles=1, unstated=None)))


def read_vectors(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.slides.stored_features import read_features

    def call(path: Path) -> Any:
        found = read_features(path)
        return found.corners.tobytes(), found.values.tobytes(), found.px

    return on_disk(scratch, call)


def read_list(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
    from mgi.modalities.slides.slide_list import read_slide_list

    return on_disk(scratch, lambda path: sorted(read_slide_list(path).items()))


def read_bags(name: str) -> Callable[[Path, Path], Callable[[bytes, Any], Any]]:
    def reader(seeds: Path, scratch: Path) -> Callable[[bytes, Any], Any]:
        from mgi.shards.bags import open_bags

        def call(folder: Path) -> Any:
            opened = open_bags(folder)
            bags = [(one.patient_id, one.corners.tobytes(), one.embeddings.tobytes()) for one in opened.bags()]
            return bags, opened.slides.to_pylist()

        return beside("shard_bags", name, call, seeds, scratch)

    return reader
