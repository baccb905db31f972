import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from mgi.cohort.raw_index import read_raw_indexes
from mgi.core.errors import BadInputError, IntegrityError


def item(key: str, **changes: Any) -> dict[str, Any]:
    digest = hashlib.sha256(key.encode()).hexdigest()
    base = {"patient_id": "TCGA-AA-0001", "key": key, "role": "flair", "path": f"series/{key}.zip", "sha256": digest}
    return {**base, "size": 1, "md5": None, "n_images": 3, **changes}


def written(folder: Path, name: str, items: list[dict[str, Any]], kind: str = "images") -> Path:
    path = folder / name
    path.write_text(json.dumps({"kind": kind, "source": "tcia", "items": items}))
    return path


def test_paths_are_relative_to_the_index(tmp_path: Path) -> None:
    (tmp_path / "series").mkdir()
    (tmp_path / "series/a.zip").write_bytes(b"a")
    items = read_raw_indexes(
        [written(tmp_path, "1.json", [item("a")]), written(tmp_path, "2.json", [item("b")])], "images"
    )
    assert sorted(items) == ["a", "b"]
    assert items["a"].verified_path() == tmp_path / "series/a.zip"
    assert (items["a"].n_images, items["a"].rejected) == (3, None)


def test_changed_and_missing_bytes_are_refused(tmp_path: Path) -> None:
    items = read_raw_indexes([written(tmp_path, "1.json", [item("a")])], "images")
    with pytest.raises(IntegrityError, match="missing"):
        items["a"].verified_path()
    (tmp_path / "series").mkdir()
    (tmp_path / "series/a.zip").write_bytes(b"b")
    with pytest.raises(IntegrityError, match="sha256"):
        items["a"].verified_path()


def test_an_item_without_a_file_asks_for_the_table(tmp_path: Path) -> None:
    items = read_raw_indexes([written(tmp_path, "1.json", [item("a", path=None)])], "images")
    with pytest.raises(BadInputError, match="--table"):
        items["a"].verified_path()


@pytest.mark.parametrize("path", ["../a.zip", "/etc/passwd", "series/../../a"])
def test_a_path_out_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    with pytest.raises(BadInputError, match="inside of the index's folder"):
        read_raw_indexes([written(tmp_path, "1.json", [item("a", path=path)])], "images")


def test_another_kind_a_repeated_key_and_a_missing_field_are_refused(tmp_path: Path) -> None:
    first = written(tmp_path, "1.json", [item("a")])
    with pytest.raises(BadInputError, match="kind 'expression'"):
        read_raw_indexes([first], "expression")
    with pytest.raises(BadInputError, match="key a: listed twice"):
        read_raw_indexes([first, first], "images")
    broken = item("a")
    del broken["sha256"]
    with pytest.raises(BadInputError, match="sha256: missing"):
        read_raw_indexes([written(tmp_path, "3.json", [broken])], "images")
