"""Files that are either complete or absent, and their digests."""

import errno
import glob
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, ResourceError

WRITE_BACK_BYTES = 32 << 20  # of a file that is digested while it is written; the last sync then waits for little
FULL = {
    errno.ENOSPC: "no space left on the disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "larger than files may be here (ulimit -f)",
}


@contextmanager
def atomic_path(target: Path | str) -> Iterator[Path]:
    """Yield a temporary sibling of `target` and move it into place only if the block succeeds.

    The bytes and the folder entry are synced before the name appears, so a killed process leaves the old file or none.
    What it left half written is removed when the target is next written; a target has one writer at a time.
    Raises ResourceError where the disk is full.
    """
    target = Path(target)
    with full_disk_named(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        for stale in target.parent.glob(f".{glob.escape(target.name)}.*.part"):
            stale.unlink(missing_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
        os.close(handle)
        part = Path(name)
        try:
            yield part
            sync(part)
            part.chmod(0o644)
            part.replace(target)
            sync(target.parent)
        finally:
            part.unlink(missing_ok=True)


@contextmanager
def full_disk_named(target: Path) -> Iterator[None]:
    """Turn a full disk into ResourceError with the file and what is free, however deep in a library it was met."""
    try:
        yield
    except Exception as error:
        if (code := _full_disk_in(error)) is None:
            raise
        existing = next(path for path in target.absolute().parents if path.exists())
        free = shutil.disk_usage(existing).free
        raise ResourceError(
            f"{target}: {FULL[code]} ({errno.errorcode[code]}), {free / 1e6:.1f} MB are free; make room and run again"
        ) from None


def _full_disk_in(error: BaseException | None) -> int | None:
    """The system's answer that began a chain of errors, where it says that the disk is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return error.errno
        error = error.__context__
    return None


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
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: not JSON ({error}); delete it and run again") from None


def sha256_of(path: Path | str) -> str:
    """Hexadecimal SHA-256 of a file."""
    with Path(path).open("rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def md5_of(path: Path | str) -> str:
    """Hexadecimal MD5 of a file; the digest that the archives publish, not a security measure."""
    with Path(path).open("rb") as source:
        return hashlib.file_digest(source, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def digest_of(strings: Iterable[str]) -> str:
    """SHA-256 of strings in the given order, joined by newlines: one digest for a list of names."""
    return hashlib.sha256("\n".join(strings).encode()).hexdigest()


class DigestingFile(io.RawIOBase):
    """A sink that is written from its beginning to its end, and the SHA-256 of all that came: nobody reads it again."""

    def __init__(self, path: Path) -> None:
        self._sink = path.open("wb", buffering=0)
        self._digest = hashlib.sha256()
        self._written = 0

    def writable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Bytes so far."""
        return self._written

    def write(self, data: Any) -> int:
        """Write and digest all of `data`; the disk may take a part at a time."""
        rest = memoryview(data).cast("B")
        size = len(rest)
        self._digest.update(rest)
        while rest:
            rest = rest[self._sink.write(rest) :]
        if (self._written + size) // WRITE_BACK_BYTES > self._written // WRITE_BACK_BYTES:
            start_writing_back(self._sink.fileno())
        self._written += size
        return size

    def sha256(self) -> str:
        """Hexadecimal digest of what was written so far."""
        return self._digest.hexdigest()

    def close(self) -> None:
        """Close the file on disk."""
        self._sink.close()
        super().close()


def start_writing_back(handle: int) -> None:
    """Let the kernel begin to write a file to disk, without waiting, so that a later sync has little left to do."""
    if hasattr(os, "posix_fadvise"):  # not on macOS, where the sync then does it all
        os.posix_fadvise(handle, 0, 0, os.POSIX_FADV_DONTNEED)


def sync(path: Path) -> None:
    """Wait until the bytes of a file, or the names in a folder, are on the disk and survive a power cut."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
