"""What the indexes of fetched files promise about the chosen items of a lock: files with their digests, and gaps."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError
from mgi.core.files import read_json
from mgi.core.recorded import RecordedFile, recorded
from mgi.locks.lock import ExpressionItem, ExpressionLock, ImageLock

Entries = Mapping[str, list[tuple[Path, Mapping[str, Any]]]]


def promised_files(
    lock: ExpressionLock | ImageLock, indexes: Iterable[Path], folder: Path | None
) -> tuple[list[RecordedFile], list[str]]:
    """The files behind the chosen items, and one line for each item without any; `folder` holds a user's own files.

    An index that an earlier lock or another number of batches left behind does not count: items are looked up by key
    and, where the lock has one, by MD5. Raises BadInputError where an index cannot be read.
    """
    entries = _entries(indexes)
    files: dict[RecordedFile, None] = {}
    gaps = []
    for item in lock.items:
        if not item.chosen:
            continue
        md5 = item.md5 if isinstance(item, ExpressionItem) else None
        right = [(index, one) for index, one in entries.get(item.key, ()) if md5 is None or one.get("md5") == md5]
        if not right:
            gaps.append(f"{item.patient_id}: {item.key}: chosen by the lock, but in no index")
        for index, one in right:
            if one.get("members") and folder is None:
                gaps.append(f"{item.patient_id}: {item.key}: lies in a folder of yours, which was not given")
                continue
            files |= dict.fromkeys(_files(index, one, folder))
    return list(files), gaps


def _entries(indexes: Iterable[Path]) -> Entries:
    found = defaultdict(list)
    for path in indexes:
        index = read_json(path)
        try:
            for entry in index["items"]:
                found[str(entry["key"])].append((path, entry))
        except (KeyError, TypeError):
            raise BadInputError(f"{path}: expected an index: items with keys") from None
    return found


def _files(index: Path, entry: Mapping[str, Any], folder: Path | None) -> list[RecordedFile]:
    """The files of one entry: its own, the members of a user's folder, or none for a part of a user's file."""
    try:
        if folder is not None and entry.get("members"):
            return [recorded(folder / str(name), size=None, sha256=str(digest)) for name, digest in entry["members"]]
        if entry["path"] is None:
            return []
        return [
            recorded(index.parent / entry["path"], size=entry["size"], sha256=entry["sha256"], md5=entry.get("md5"))
        ]
    except (KeyError, TypeError, ValueError):
        raise BadInputError(f"{index}: {entry['key']}: expected path, size and md5 or sha256, or members") from None
