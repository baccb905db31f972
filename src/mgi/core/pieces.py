"""One stream of bytes as numbered files of bounded size, and back; `cat piece-*` is the stream."""

import io
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

from mgi.core.files import atomic_path


class PieceWriter(io.RawIOBase):
    """Takes a stream and writes it to `folder` as piece-0001, piece-0002, … of at most `size` bytes each.

    `pieces` lists name, size and sha256 of what was written; close it to write the last one. One piece is in memory.
    """

    def __init__(self, folder: Path, size: int) -> None:
        self._folder, self._size = folder, size
        self._held = bytearray()
        self.pieces: list[dict[str, Any]] = []

    def writable(self) -> bool:
        """A stream to write to."""
        return True

    def write(self, data: Any) -> int:
        """Take bytes; a piece that is full goes to disk."""
        view = memoryview(data).cast("B")
        taken = 0
        while taken < len(view):
            part = view[taken : taken + self._size - len(self._held)]
            self._held += part
            taken += len(part)
            if len(self._held) == self._size:
                self._flush_piece()
        return taken

    def close(self) -> None:
        """Write what is left."""
        if not self.closed and self._held:
            self._flush_piece()
        super().close()

    def _flush_piece(self) -> None:
        name = f"piece-{len(self.pieces) + 1:04d}"
        with atomic_path(self._folder / name) as part:
            part.write_bytes(self._held)
        self.pieces.append({"name": name, "size": len(self._held), "sha256": sha256(self._held).hexdigest()})
        self._held = bytearray()


class PieceReader(io.RawIOBase):
    """Reads files one after another as one stream."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = list(paths)
        self._open: IO[bytes] | None = None

    def readable(self) -> bool:
        """A stream to read from."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as one file reaches; 0 at the end of the last."""
        while True:
            if self._open is None:
                if not self._paths:
                    return 0
                self._open = self._paths.pop(0).open("rb")
            view = memoryview(buffer)
            data = self._open.read(len(view))
            if data:
                view[: len(data)] = data
                return len(data)
            self._open.close()
            self._open = None

    def close(self) -> None:
        """Let go of the file that is open."""
        if self._open is not None:
            self._open.close()
        super().close()
