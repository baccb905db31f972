"""Vectors of the tiles of slides: a row a tile, a row group a slide, written and read one slide at a time.

Parts have the vectors (see `bag_parts`), or one file as in older results; `slides.parquet` has what is known of each
slide, `dataset.json` describes all.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.files import DigestingFile, atomic_path
from mgi.core.parts import numbers_of, part_files, part_of
from mgi.shards.dataset_manifest import dataset_of, read_dataset, write_dataset
from mgi.shards.parquet import WRITING, opened_parquet, read_rows, read_table, require_schema, write_table
from mgi.shards.schemas import BAGGED_SLIDES, bag_columns

KIND = "bags"
TILES_FILE, SLIDES_FILE, SHEET = "tiles.parquet", "slides.parquet", "slides.png"
MOST_FLOAT16 = 65504.0
_WRITING = {**WRITING, "use_dictionary": ["patient_id", "slide_id"]}
STATED = ("encoder", "width", "tile_px", "mpp", "simulated")


@dataclass(frozen=True, kw_only=True)
class Bag:
    """The tiles of one slide in raster order: corners (N, 2) in pixels of level 0, x first; vectors (N, E).

    `tissue` (N) is the share of each tile, None where nobody knows it.
    """

    patient_id: str
    slide_id: str
    corners: NDArray[np.int64]
    embeddings: NDArray[np.floating[Any]]
    tissue: NDArray[np.floating[Any]] | None = None


class BagWriter:
    """Adds slides to an open file, in order of patient and slide."""

    def __init__(self, file: pq.ParquetWriter, sink: DigestingFile, width: int) -> None:
        self._file, self._sink, self._width = file, sink, width
        self._last = ("", "")

    def add(self, bag: Bag) -> None:
        """Append the tiles of a slide; raises BadInputError where they break the format."""
        where = f"bags shard: {bag.patient_id}: {bag.slide_id}"
        if (bag.patient_id, bag.slide_id) <= self._last:
            raise BadInputError(f"{where}: after {self._last[1]} of {self._last[0]}, expected sorted, unique slides")
        _require_tiles(bag, self._width, where)
        total = len(bag.embeddings)
        vectors = pa.array(bag.embeddings.astype(np.float16).ravel())
        columns = [
            pa.array([bag.patient_id] * total, pa.string()),
            pa.array([bag.slide_id] * total, pa.string()),
            pa.array(np.arange(total, dtype=np.int32)),
            *(pa.array(bag.corners[:, axis].astype(np.int32)) for axis in (0, 1)),
            pa.nulls(total, pa.float32()) if bag.tissue is None else pa.array(bag.tissue.astype(np.float32)),
            pa.FixedSizeListArray.from_arrays(vectors, self._width),
        ]
        self._file.write_table(pa.table(columns, schema=bag_columns(self._width)), row_group_size=max(1, total))
        self._last = (bag.patient_id, bag.slide_id)

    def sha256(self) -> str:
        """Digest of the file, once it is closed."""
        return self._sink.sha256()


def _require_tiles(bag: Bag, width: int, where: str) -> None:
    total = len(bag.corners)
    if bag.embeddings.shape != (total, width) or bag.corners.shape != (total, 2) or not total:
        raise BadInputError(
            f"{where}: vectors {bag.embeddings.shape} at places {bag.corners.shape}, expected one of {width} a tile"
        )
    if bag.tissue is not None and bag.tissue.shape != (total,):
        raise BadInputError(f"{where}: tissue {bag.tissue.shape}, expected a share a tile")
    bad = np.argwhere(~(np.abs(bag.embeddings) <= MOST_FLOAT16))
    if len(bad):
        tile, number = (int(index) for index in bad[0])
        raise BadInputError(f"{where}: tile {tile}, number {number}: found {bag.embeddings[tile, number]}")


@contextmanager
def bag_writer(path: Path | str, width: int) -> Iterator[BagWriter]:
    """Open the file of tiles, which appears when the block ends well; then its `sha256` is known."""
    schema = bag_columns(width)
    with atomic_path(path) as part, DigestingFile(part) as sink, pq.ParquetWriter(sink, schema, **_WRITING) as file:
        yield BagWriter(file, sink, width)


def describe_files(
    tiles: Mapping[Path, str], slides: Path, dataset: Path, rows: Sequence[Mapping[str, Any]], **stated: Any
) -> None:
    """Write what is known of each slide (`rows` of schemas.BAGGED_SLIDES), and the description of all files last.

    `tiles` has the SHA-256 of each file of tiles; `stated` has at least STATED.
    """
    write_table(slides, pa.Table.from_pylist([dict(row) for row in rows], schema=BAGGED_SLIDES))
    counts = {
        "rows": sum(row["tiles"] for row in rows),
        "slides": len(rows),
        "patients": len({row["patient_id"] for row in rows}),
    }
    digests = {path.name: sha256 for path, sha256 in tiles.items()}
    write_dataset(dataset, KIND, [*tiles, slides], {**stated, **counts}, digests=digests)


@dataclass(frozen=True, kw_only=True)
class OpenBags:
    """A shard of which all but the tiles was read and checked; `slides` has a row a slide, in order of patients.

    `places` has for each slide the file of its tiles and the row group there.
    """

    slides: pa.Table
    stated: Mapping[str, Any]
    places: Sequence[tuple[Path, int]]
    footers: Mapping[Path, pq.FileMetaData]

    @property
    def width(self) -> int:
        """Numbers a tile."""
        return int(self.stated["width"])

    @property
    def patient_ids(self) -> list[str]:
        """The patients, sorted."""
        return sorted(set(self.slides["patient_id"].to_pylist()))

    def bags(self, patients: Sequence[str] | None = None) -> Iterator[Bag]:
        """The slides of some patients, or of all, in order of patients and slides, one at a time.

        Raises BadInputError where a slide's rows are not its own or a vector is no number.
        """
        wanted = None if patients is None else set(patients)
        rows = self.slides.select(["patient_id", "slide_id", "tiles"]).to_pylist()
        for (path, group), row in zip(self.places, rows, strict=True):
            if wanted is None or row["patient_id"] in wanted:
                with opened_parquet(path, sealed=False, footer=self.footers[path]) as source:
                    table = read_rows(source, path, None, group)
                yield _bag(table, row, self.width, path)


def open_bags(shard: Path | str) -> OpenBags:
    """Read and check what a shard says of its slides; it is named by its dataset.json or its folder."""
    described = dataset_of(shard)
    dataset = read_dataset(described, KIND, STATED)
    slides, width = read_table(described.parent / SLIDES_FILE, BAGGED_SLIDES), int(dataset["width"])
    patients, counts = (slides[name].to_pylist() for name in ("patient_id", "tiles"))
    places, footers = [], {}
    files = _files_in(dataset["files"], described)
    groups = dict.fromkeys(files, 0)
    for patient in patients:
        path = files[0] if len(files) == 1 else files[numbers_of(part_of(patient, len(files)), "part")[0] - 1]
        places.append((path, groups[path]))
        groups[path] += 1
    for path in files:
        with opened_parquet(path, sealed=False) as source:
            require_schema(source.schema_arrow, bag_columns(width), path)
            footers[path] = footer = source.metadata
        found = [footer.row_group(index).num_rows for index in range(footer.num_row_groups)]
        if found != [count for (one, _), count in zip(places, counts, strict=True) if one == path]:
            raise BadInputError(f"{path}: row groups of {found[:5]} rows, expected a slide each as in {SLIDES_FILE}")
    return OpenBags(slides=slides, stated=dataset, places=places, footers=footers)


def _files_in(described: Collection[str], path: Path) -> list[Path]:
    """The files with tiles: all parts, or one that stands alone."""
    names = [name for name in described if name != SLIDES_FILE]
    return [path.parent / name for name in (names if names == [TILES_FILE] else part_files(names, f"{path}"))]


def _bag(table: pa.Table, row: Mapping[str, Any], width: int, path: Path) -> Bag:
    where = f"{path}: {row['patient_id']}: {row['slide_id']}"
    for name in ("patient_id", "slide_id"):
        if table[name].unique().to_pylist() != [row[name]]:
            raise BadInputError(f"{where}: {name}: found another's tiles in its place")
    column = table["embedding"].combine_chunks()
    if column.null_count or column.flatten().null_count:
        raise BadInputError(f"{where}: embedding: a number is missing")
    vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(-1, width)
    corners = np.stack([table[name].to_numpy() for name in ("x0", "y0")], 1).astype(np.int64)
    unknown = bool(table["tissue"].null_count)
    found = Bag(
        patient_id=row["patient_id"],
        slide_id=row["slide_id"],
        corners=corners,
        embeddings=vectors,
        tissue=None if unknown else table["tissue"].to_numpy(),
    )
    _require_tiles(found, width, where)
    return found
