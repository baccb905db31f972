"""Vectors of tiles that were computed elsewhere, a HDF5 file a slide: `features` and `coords`, as TRIDENT writes.

Pickles (`.pt`, `.pkl`) are not read: to open one is to run it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ResourceError
from mgi.shards.bags import MOST_FLOAT16

try:
    import h5py
except ImportError:  # of the extra; read_features says what to install
    h5py = None

SUFFIXES = (".h5", ".hdf5")
PICKLES = (".pt", ".pth", ".pkl", ".pickle", ".npy", ".npz")
MOST_VALUES = 1 << 30
_PATCH = ("patch_size", "patch_size_target")  # pixels at the encoder's resolution, where a writer says so


@dataclass(frozen=True, kw_only=True)
class StoredFeatures:
    """Corners (N, 2) of tiles in pixels of level 0, x first, and vectors (N, E), in raster order."""

    corners: NDArray[np.int64]
    values: NDArray[np.float32]
    px: int | None

    @property
    def width(self) -> int:
        """Numbers a tile."""
        return int(self.values.shape[1])


def read_features(path: Path) -> StoredFeatures:
    """Read and check a whole file.

    Raises ResourceError where h5py is not installed, BadInputError where the file lacks a table or has other numbers
    than it can have.
    """
    if path.suffix.lower() in PICKLES:
        raise BadInputError(f"{path.name}: may be a pickle, which can run any code; expected .h5")
    require_h5py(path.name)
    try:
        with h5py.File(path, "r") as file:
            features, corners = _table(file, "features", path), _table(file, "coords", path)
            shape = features.shape[1:] if features.ndim == 3 and features.shape[0] == 1 else features.shape
            if len(shape) != 2 or not all(shape) or shape[0] * shape[1] > MOST_VALUES:
                raise BadInputError(
                    f"{path.name}: features: found shape {features.shape}, expected (N, E) or (1, N, E)"
                )
            if corners.shape != (shape[0], 2):
                raise BadInputError(f"{path.name}: coords: found shape {corners.shape}, expected ({shape[0]}, 2)")
            values = np.asarray(features[()], np.float32).reshape(shape)
            places = np.asarray(corners[()])
            px = next((int(corners.attrs[name]) for name in _PATCH if name in corners.attrs), None)
    except (OSError, RuntimeError, KeyError, ValueError, TypeError) as error:
        reason = " ".join(str(error).split())[:160]
        raise BadInputError(f"{path.name}: not read as HDF5 ({reason})") from None
    return _checked(places, values, px, path.name)


def require_h5py(where: str) -> None:
    """Raise ResourceError where h5py is not installed."""
    if h5py is None:
        raise ResourceError(f"{where}: h5py is not installed; pip install h5py")


def _table(file: Any, name: str, path: Path) -> Any:
    link = file.get(name, getlink=True)
    if link is None:
        raise BadInputError(f"{path.name}: {name}: missing, found {', '.join(sorted(file)[:5]) or 'nothing'}")
    if not isinstance(link, h5py.HardLink):  # an external link would read another file
        raise BadInputError(f"{path.name}: {name}: is a link, expected a table")
    table = file[name]
    if not isinstance(table, h5py.Dataset) or table.dtype.kind not in "fiu" or table.external:
        raise BadInputError(f"{path.name}: {name}: expected a table of numbers")
    return table


def _checked(places: NDArray[Any], values: NDArray[np.float32], px: int | None, name: str) -> StoredFeatures:
    corners = places.astype(np.int64)
    if (corners != places).any() or corners.min() < 0 or corners.max() > np.iinfo(np.int32).max:
        raise BadInputError(f"{name}: coords: expected whole pixels of level 0, at least 0")
    bad = np.argwhere(~np.isfinite(values) | (np.abs(values) > MOST_FLOAT16))
    if len(bad):
        row, column = (int(index) for index in bad[0])
        found = f"row {row}, column {column}: found {values[row, column]}"
        raise BadInputError(f"{name}: features: {found}, expected a number up to {MOST_FLOAT16:g}")
    order = np.lexsort((corners[:, 0], corners[:, 1]))
    corners = corners[order]
    if len(np.unique(corners, axis=0)) < len(corners):
        raise BadInputError(f"{name}: coords: a place occurs twice, expected a row a tile")
    return StoredFeatures(corners=corners, values=values[order], px=px)
