"""Vectors that others computed: two tables of a HDF5 file, and nothing that could run."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mgi.core.errors import BadInputError, ResourceError
from mgi.modalities.slides import stored_features
from mgi.modalities.slides.stored_features import read_features

h5py = pytest.importorskip("h5py")

CORNERS = np.array([[256, 0], [0, 0], [0, 256]], np.int64)
VALUES = np.arange(12, dtype=np.float32).reshape(3, 4)


def written(path: Path, patch: int | None = None, **tables: Any) -> Path:
    with h5py.File(path, "w") as file:
        for name, values in ({"features": VALUES, "coords": CORNERS} | tables).items():
            if values is not None:
                file[name] = values
        if patch is not None:
            file["coords"].attrs["patch_size"] = patch
    return path


@pytest.mark.parametrize("shape", [(3, 4), (1, 3, 4)])
def test_tiles_are_read_in_raster_order(shape: tuple[int, ...], tmp_path: Path) -> None:
    found = read_features(written(tmp_path / "a.h5", patch=256, features=VALUES.reshape(shape).astype(np.float16)))
    assert found.corners.tolist() == [[0, 0], [256, 0], [0, 256]]
    assert found.values.tolist() == VALUES[[1, 0, 2]].tolist()
    assert (found.width, found.px) == (4, 256)
    assert read_features(written(tmp_path / "b.h5")).px is None


def not_finite() -> np.ndarray:
    values = VALUES.copy()
    values[1, 2] = np.nan
    return values


@pytest.mark.parametrize(
    ("tables", "said"),
    [
        ({"features": None}, "features: missing, found coords"),
        ({"coords": None}, "coords: missing"),
        ({"coords": CORNERS[:2]}, r"coords: found shape \(2, 2\), expected \(3, 2\)"),
        ({"features": VALUES.ravel()}, r"features: found shape \(12,\)"),
        ({"features": VALUES.reshape(3, 1, 4)}, r"features: found shape \(3, 1, 4\)"),
        ({"features": np.empty((0, 4)), "coords": CORNERS[:0]}, "features: found shape"),
        ({"features": not_finite()}, "features: row 1, column 2: found nan"),
        ({"features": VALUES * 1e5}, "features: row 0, column 1: found 100000"),
        ({"coords": CORNERS + 0.5}, "coords: expected whole pixels"),
        ({"coords": CORNERS - 1}, "coords: expected whole pixels"),
        ({"coords": np.zeros_like(CORNERS)}, "coords: a place occurs twice"),
        ({"features": h5py.ExternalLink("/etc/passwd", "x")}, "features: is a link"),
        ({"features": np.array([b"ab", b"c", b"d"])}, "features: expected a table of numbers"),
    ],
)
def test_another_content_is_refused_by_its_name(tables: dict[str, Any], said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=rf"^a\.h5: {said}"):
        read_features(written(tmp_path / "a.h5", **tables))


@pytest.mark.parametrize("name", ["a.pt", "a.pkl", "a.npy"])
def test_a_pickle_is_never_opened(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=rf"^{name}: may be a pickle"):
        read_features(tmp_path / name)


def test_what_is_no_hdf5_or_cut_short_is_refused(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.h5").read_bytes()
    for content in (b"", b"text", whole[: len(whole) // 2]):
        (tmp_path / "b.h5").write_bytes(content)
        with pytest.raises(BadInputError, match=r"^b\.h5: "):
            read_features(tmp_path / "b.h5")


def test_without_the_extra_the_message_names_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_features, "h5py", None)
    with pytest.raises(ResourceError, match=r"pip install (openslide|h5py)"):
        read_features(tmp_path / "a.h5")
