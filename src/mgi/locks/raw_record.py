"""What the indexes of fetched files promise about the chosen items of a lock: files with their digests, and gaps."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from mgi.core.recorded import RecordedFile, recorded
from mgi.locks.lock import Lock
from mgi.locks.raw_entry import RawEntry
from mgi.locks.raw_index import read_raw_index


def promised_files(lock: Lock, indexes: Iterable[Path], folder: Path | None) -> tuple[list[RecordedFile], list[str]]:
    """The files behind the chosen items, and one line for each item without any; `folder` holds a user's own files.

    An index that an earlier lock or another number of batches left behind does not count: items are looked up by key
    and, where the lock has one, by MD5. Raises BadInputError where an index cannot be read.
    """
    entries = defaultdict(list)
    for path in indexes:
        for entry in read_raw_index(path).items:
            entries[entry.key].append(entry)
    files: dict[RecordedFile, None] = {}
    gaps = []
    for item in lock.chosen:
        right = [one for one in entries[item.key] if item.md5 is None or one.md5 == item.md5]
        if not right:
            gaps.append(f"{item.patient_id}: {item.key}: chosen by the lock, but in no index")
        for one in right:
            if one.members and folder is None:
                gaps.append(f"{item.patient_id}: {item.key}: lies in a folder of yours, which was not given")
            else:
                files |= dict.fromkeys(_files(one, folder))
    return list(files), gaps


def _files(entry: RawEntry, folder: Path | None) -> list[RecordedFile]:
    """The files of one entry: its own, the members of a user's folder, or none for a part of a user's file."""
    if folder is not None and entry.members:
        return [recorded(folder / name, size=None, sha256=digest) for name, digest in entry.members]
    if entry.path is None:
        return []
    return [recorded(entry.path, size=entry.size, sha256=entry.sha256, md5=entry.md5)]
