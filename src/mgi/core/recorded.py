"""Files whose size and digest were recorded, read again to see whether they still are what they were."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from mgi.core.errors import BadInputError
from mgi.core.files import md5_of, sha256_of


@dataclass(frozen=True, kw_only=True)
class RecordedFile:
    """What was recorded of a file; `size` in bytes, None where only the digest is known."""

    path: Path
    size: int | None
    algorithm: Literal["md5", "sha256"]
    digest: str

    def fault(self) -> str | None:
        """How the file differs from its record, in a few words with its path; None where it does not."""
        if not self.path.is_file():
            return f"{self.path}: missing"
        size = self.path.stat().st_size
        if self.size is not None and size != self.size:
            return f"{self.path}: {size} bytes, recorded {self.size}"
        try:
            found = md5_of(self.path) if self.algorithm == "md5" else sha256_of(self.path)
        except OSError as error:  # a medium that fails under the file
            return f"{self.path}: unreadable ({error.strerror})"
        return None if found == self.digest else f"{self.path}: {self.algorithm} {found}, recorded {self.digest}"


def faults_of(files: Sequence[RecordedFile], *, threads: int) -> list[str]:
    """What is wrong with the files, in their order; every byte of every file is read."""
    with ThreadPoolExecutor(max_workers=threads) as pool:
        return [fault for fault in pool.map(RecordedFile.fault, files) if fault is not None]


def recorded(path: Path, *, size: int | None, sha256: str | None, md5: str | None = None) -> RecordedFile:
    """A record by its strongest digest. Raises BadInputError where there is none."""
    if sha256 is not None:
        return RecordedFile(path=path, size=size, algorithm="sha256", digest=sha256)
    if md5 is None:
        raise BadInputError(f"{path}: no digest was recorded, expected md5 or sha256")
    return RecordedFile(path=path, size=size, algorithm="md5", digest=md5)
