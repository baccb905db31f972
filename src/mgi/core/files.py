"""Files that are either complete or absent, and their digests."""

import glob
import hashlib
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError

CHUNK = 1 << 20


@contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """Yield a temporary sibling of `target` and move it into place only if the block succeeds.

    The bytes and the folder entry are synced before the name appears, so a killed process leaves the old file or none.
    What it left half written is removed when the target is next written; a target has one writer at a time.
    """
    target = Path(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    for stale in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
        stale.unlink(missing_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    os.close(handle)
    part = Path(name)
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.chmod(0o644)
        part.replace(target)
        sync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)


def write_json(target: Path | str, value: Any) -> None:
    """Write sorted, indented JSON, so that equal values give equal bytes."""
    with atomic_path(target) as part:
        part.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json(path: Path | str) -> Any:
    """Parse a JSON file.

    Raises BadInputError with file and position where it is not JSON.
    """
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise BadInputError(f"{path}: not JSON ({error}); delete it and run again") from None


def sha256_of(path: Path | str) -> str:
    """Hexadecimal SHA-256 of a file."""
    return _digest_of(path, "sha256")


def md5_of(path: Path | str) -> str:
    """Hexadecimal MD5 of a file; the digest that the archives publish, not a security measure."""
    return _digest_of(path, "md5")


def _digest_of(path: Path | str, algorithm: str) -> str:
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with Path(path).open("rb") as source:
        while chunk := source.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut, as `os.fsync` does for the bytes of a file."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
