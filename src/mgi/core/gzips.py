"""Gzipped files from elsewhere, read as a stream that ends where a bomb begins."""

import gzip
import zlib
from pathlib import Path

from mgi.core.errors import BadInputError

MAX_RATIO = 200  # tables of numbers pack 3 to 30 times; deflate of one repeated row reaches 1,000
ALWAYS_BYTES = 1 << 20


class LimitedGzip(gzip.GzipFile):
    """A gzipped file open for reading, which can be sought and read again.

    Raises BadInputError as soon as more than MAX_RATIO times its packed size (at least 1 MB) was read.
    """

    def __init__(self, path: Path | str) -> None:
        super().__init__(path, "rb")
        self._path = path
        self._limit = max(ALWAYS_BYTES, MAX_RATIO * Path(path).stat().st_size)

    def read(self, size: int | None = -1) -> bytes:
        """All or `size` bytes."""
        return self._checked(super().read(self._limit + 1 if size is None or size < 0 else size))

    def read1(self, size: int = -1) -> bytes:
        """What one read of the file gives."""
        return self._checked(super().read1(size))

    def readline(self, size: int | None = -1) -> bytes:
        """A line, or `size` bytes of it."""
        return self._checked(super().readline(self._limit + 1 if size is None or size < 0 else size))

    def _checked(self, data: bytes) -> bytes:
        if self.tell() > self._limit:
            raise BadInputError(f"{self._path}: unpacks more than {MAX_RATIO} times; no table does")
        return data


def unpacked(path: Path | str, size: int = -1) -> bytes:
    """The content of a gzipped file, or its first `size` bytes.

    Raises BadInputError where it is damaged, or unpacks more than any table.
    """
    try:
        with LimitedGzip(path) as file:
            return file.read(size)
    except (EOFError, OSError, zlib.error) as error:
        raise BadInputError(f"{path}: damaged gzip ({' '.join(str(error).split())[:80]})") from None
