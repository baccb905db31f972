"""What was recorded of a verified file.

A receipt lies beside it, so that a second run neither asks a service nor reads the bytes again. It is trusted while
size, modification time and inode of the file are the recorded ones. `mgi verify` trusts none: it reads every byte of
what indexes and shards record.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, MgiError
from mgi.core.files import md5_of, sealed_json, sha256_of, unsealed

_IDENTITY = ("size", "mtime_ns", "inode")


def receipt_of(path: Path) -> Path:
    """Where the receipt of a file lies: the same name, ending in `.json`."""
    return path.with_suffix(".json")


def write_receipt(path: Path, facts: Mapping[str, Any]) -> None:
    """Record what was verified about the file at `path`.

    Not synced to disk: a receipt that a power cut takes away costs one more reading of the file.
    """
    target = receipt_of(path)
    part = target.with_name(f".{target.name}.part")
    part.write_text(sealed_json({**facts, **_identity(path)}), encoding="utf-8")
    part.replace(target)


def read_receipt(path: Path, is_same: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any] | None:
    """What was verified about a file, None where there is no receipt or the file is not that file any more.

    `is_same` reads the file and compares it with the facts; it is asked where the file has the recorded size but
    another time or inode, as after a copy of the folder. One of an older mgi has no seal and is believed.
    """
    try:
        text = receipt_of(path).read_text(encoding="utf-8")
        known = json.loads(text)
        if "\n" in text.strip():  # a receipt of an older mgi is one line
            known = unsealed(known, path, "", text)
        now = _identity(path)
        recorded = {name: known.pop(name) for name in _IDENTITY}
    except (OSError, ValueError, AttributeError, KeyError, TypeError, MgiError):
        return None  # an unreadable receipt proves nothing
    if recorded["size"] != now["size"]:
        return None
    if recorded != now:
        if not is_same(known):
            return None
        write_receipt(path, known)
    return dict(known)


def forget(path: Path) -> None:
    """Remove the receipt of a file that is about to be replaced."""
    receipt_of(path).unlink(missing_ok=True)


@dataclass(frozen=True)
class RecordedFile:
    """A file that is read again; `size` in bytes, None where only a digest is known. The strongest digest counts.

    Raises BadInputError where there is none.
    """

    path: Path
    size: int | None
    sha256: str | None
    md5: str | None = None

    def __post_init__(self) -> None:
        if self.sha256 is None and self.md5 is None:
            raise BadInputError(f"{self.path}: no digest was recorded, expected md5 or sha256")

    def fault(self) -> str | None:
        """How the file differs from its record, in a few words with its path; None where it does not."""
        if not self.path.is_file():
            return f"{self.path}: missing"
        size = self.path.stat().st_size
        if self.size is not None and size != self.size:
            return f"{self.path}: {size} bytes, recorded {self.size}"
        name, digest = ("md5", self.md5) if self.sha256 is None else ("sha256", self.sha256)
        try:
            found = md5_of(self.path) if self.sha256 is None else sha256_of(self.path)
        except OSError as error:  # a medium that fails under the file
            return f"{self.path}: unreadable ({error.strerror})"
        return None if found == digest else f"{self.path}: {name} {found}, recorded {digest}"


def faults_of(files: Sequence[RecordedFile], *, threads: int) -> list[str]:
    """What is wrong with the files, in their order; every byte of every file is read."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return [fault for fault in pool.map(RecordedFile.fault, files) if fault is not None]


def _identity(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}
