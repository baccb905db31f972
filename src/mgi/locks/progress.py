"""Progress on a terminal as a bar, in a log as one line for every tenth."""

import sys
from types import TracebackType
from typing import Self

from tqdm import tqdm


class Progress:
    """Counts items and bytes that are done; a context manager."""

    def __init__(self, total: int, label: str) -> None:
        self.total = total
        self.label = label
        self.done = 0
        self.bytes = 0
        self._is_log = not sys.stderr.isatty()
        self._bar = tqdm(total=total, desc=label, unit="item", disable=None, leave=False)

    def advance(self, n_bytes: int) -> None:
        """Count one item."""
        tenths_before = 10 * self.done // max(self.total, 1)
        self.done += 1
        self.bytes += n_bytes
        self._bar.update()
        if self._is_log and 10 * self.done // self.total > tenths_before:
            megabytes = self.bytes / 1e6
            sys.stderr.write(f"{self.label}: {self.done} of {self.total} items, {megabytes:.1f} MB\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.close()
