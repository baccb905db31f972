"""A file that is digested while it is written, so that nobody has to read it again."""

import hashlib
import io
from pathlib import Path
from typing import Any

from mgi.core.files import start_writing_back

WRITE_BACK_BYTES = 32 << 20  # the last sync then waits for little


class DigestingFile(io.RawIOBase):
    """A sink that is written from its beginning to its end, and the SHA-256 of all that came."""

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
