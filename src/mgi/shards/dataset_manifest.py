"""dataset.json: what a shard folder holds, written last, so that a folder with it is whole."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import read_json, sha256_of, write_json
from mgi.core.mending import mend_of
from mgi.core.receipt import RecordedFile
from mgi.shards.parquet import opened_parquet

DATASET = "dataset.json"
_FOOTER_END = 8  # bytes behind the footer: its length and the letters PAR1


def write_dataset(
    path: Path | str,
    kind: str,
    files: Sequence[Path | str],
    fields: Mapping[str, Any],
    *,
    digests: Mapping[str, str] | None = None,
) -> None:
    """Describe the finished files of a shard beside them; `fields` adds what only this kind has.

    `digests` are the sha256 by name of those that were digested while they were written.
    """
    path = Path(path)
    entries = {}
    for file in map(Path, files):
        if file.resolve().parent != path.resolve().parent:
            raise BadInputError(f"{file}: expected in the folder of {path}")
        entries[file.name] = {**_identity(file), "sha256": (digests or {}).get(file.name) or sha256_of(file)}
    write_json(path, {"kind": kind, "files": entries, **fields})


def dataset_of(shard: Path | str) -> Path:
    """Return the dataset.json of a shard, which is named by it or by its folder."""
    return Path(shard) if Path(shard).name == DATASET else Path(shard) / DATASET


def kind_of(shard: Path | str) -> str | None:
    """What a shard is of, as its description says; raises BadInputError where there is none."""
    path = dataset_of(shard)
    if not path.is_file():
        raise BadInputError(f"{path}: missing; the shard was never finished, {mend_of(path)}")
    found: str | None = read_json(path).get("kind")
    return found


def read_dataset(shard: Path | str, kind: str, stated: Sequence[str] = ()) -> dict[str, Any]:
    """Return the description of a shard, which has the `stated` entries, after its files' sizes, rows and footers.

    Raises BadInputError where it is not a whole shard of this kind, IntegrityError where a file is another.
    """
    return read_description(dataset_of(shard), kind, stated)


def read_description(path: Path, kind: str, stated: Sequence[str] = ()) -> dict[str, Any]:
    """The same of what `write_dataset` wrote under any name."""
    if not path.is_file():
        raise BadInputError(f"{path}: missing; the shard was never finished, {mend_of(path)}")
    dataset = read_json(path)
    if dataset.get("kind") != kind or not isinstance(dataset.get("files"), dict):
        raise BadInputError(f"{path}: expected the description of a shard of kind {kind!r}")
    for name, expected in sorted(dataset["files"].items()):
        if not isinstance(expected, dict):
            raise BadInputError(f"{path}: files: {name}: found {expected!r}, expected rows, size and sha256")
        file = path.parent / name
        if not file.is_file():
            raise IntegrityError(f"{file}: missing, though {path.name} lists it; {mend_of(file)}")
        for what, found in _identity(file).items():
            if found != (wanted := expected.get(what)):
                raise IntegrityError(f"{file}: {what} {found}, expected {wanted}; {mend_of(file)}")
    if missing := [name for name in stated if name not in dataset]:
        raise BadInputError(f"{path}: {missing[0]}: missing")
    return dataset


def recorded_files(path: Path | str) -> list[RecordedFile]:
    """Return the files that a dataset.json describes, with what it says of them."""
    try:
        files = sorted(read_json(path)["files"].items())
        return [RecordedFile(Path(path).parent / name, size=one["size"], sha256=one["sha256"]) for name, one in files]
    except (KeyError, TypeError, AttributeError):
        raise BadInputError(f"{path}: expected files with size and sha256") from None


def rows_of(path: Path) -> int:
    """Return the number of rows of a Parquet file, from its footer."""
    with opened_parquet(path, sealed=False) as source:
        return int(source.metadata.num_rows)


def _identity(path: Path) -> dict[str, Any]:
    """Return what is compared at every reading; page checksums cover all of a Parquet file but its footer."""
    if path.stat().st_size < _FOOTER_END:
        raise IntegrityError(f"{path}: truncated; {mend_of(path)}")
    with path.open("rb") as data:
        data.seek(-_FOOTER_END, os.SEEK_END)
        length = int.from_bytes(data.read(4), "little")
        data.seek(-min(_FOOTER_END + length, path.stat().st_size), os.SEEK_END)
        footer = hashlib.sha256(data.read()).hexdigest()
    return {"size": path.stat().st_size, "footer_sha256": footer, "rows": rows_of(path)}
