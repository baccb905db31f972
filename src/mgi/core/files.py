"""Files that are either complete or absent, and their digests; JSON that carries the digest of its own content."""

import errno
import glob
import hashlib
import io
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, IntegrityError, ResourceError
from mgi.core.mending import mend_of

WRITE_BACK_BYTES = 32 << 20  # of a file that is digested while it is written; the last sync then waits for little
SEAL = "content_sha256"
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


def write_json(target: Path | str, value: Mapping[str, Any]) -> None:
    """Write sealed_json, so that equal values give equal bytes."""
    with atomic_path(target) as part:
        part.write_text(sealed_json(value), encoding="utf-8")


def sealed_json(value: Mapping[str, Any]) -> str:
    """Sorted, indented JSON with the entry `content_sha256`, the digest of the text without that entry."""
    plain = json.loads(json.dumps(value))  # with keys as text, which sort as they do when they are read again
    plain.pop(SEAL, None)
    return _json_text({**plain, SEAL: _digest_of_text(_json_text(plain))})


def read_json(path: Path | str, mend: str | None = None) -> dict[str, Any]:
    """What write_json wrote, without its seal; `mend` is what an error says that the user should do (default: mend_of).

    Raises BadInputError where it is not JSON or was never sealed, IntegrityError where any byte is another.
    """
    mend = mend or mend_of(path)
    try:
        text = Path(path).read_text(encoding="utf-8")
        return unsealed(json.loads(text), path, mend, text)
    except FileNotFoundError:
        raise BadInputError(f"{path}: missing; {mend}") from None
    except (ValueError, RecursionError) as error:
        raise BadInputError(f"{path}: not JSON ({error}); {mend}") from None


def unsealed(given: Any, path: Path | str, mend: str, text: str) -> dict[str, Any]:
    """The entries of a sealed mapping but the seal, which must be that of the others; `text` held them."""
    if not isinstance(given, dict):
        raise BadInputError(f"{path}: found {type(given).__name__}, expected an object; {mend}")
    if SEAL not in given:
        raise BadInputError(f"{path}: {SEAL}: missing (written by an older mgi, or by hand); {mend}")
    content = {name: value for name, value in given.items() if name != SEAL}
    if (found := _digest_of_text(_json_text(content))) != given[SEAL]:
        raise IntegrityError(f"{path}: damaged or edited: {SEAL} {found}, expected {str(given[SEAL])[:64]}; {mend}")
    if text != sealed_json(content):
        raise IntegrityError(f"{path}: other bytes than were written, though they mean the same; {mend}")
    return content


def _json_text(value: Any) -> str:
    return json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def _digest_of_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


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
