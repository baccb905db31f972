"""How long a request may take, whatever it is that comes slowly: header, error page, body, marks between chunks.

The deadline is looked at before every read from the socket (`connections.py`), so that a server which sends a byte now
and then cannot hold a run. It belongs to a thread's request in progress, and counts all attempts together, without the
pauses between them.
"""

import json
import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from mgi.core.counts import shown_count
from mgi.core.errors import IntegrityError, MgiError, NetworkError
from mgi.http.retry import TransientError

Clock = Callable[[], float]
HEADER, BODY, REFUSAL = "the header", "the body", "the text of the refusal"


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Where patience ends: seconds, bytes a second, bytes and rows."""

    connect_s: float = 10.0
    read_s: float = 30.0
    """Silence, and the whole of a header."""
    min_bytes_per_s: float = 10_000.0
    rate_window_s: float = 60.0
    answer_s: float = 300.0
    """A request with all its attempts; what its announced size takes at the minimum rate comes on top."""
    deadline_s: float = 3_600.0
    """The most that a request may take where its size does not need more."""
    large_bytes_per_s: float = 100_000.0
    """A file that takes longer than that at this rate may take as long as it does: slides have gigabytes."""
    refusal_s: float = 5.0
    """The text of a refusal, which is only worth a short wait."""
    json_bytes: int = 32 << 20
    listing_s: float = 3_600.0
    """All requests of a listing together."""
    listing_rows: int = 200_000
    listing_bytes: int = 64 << 20
    """Of all its rows as JSON."""


@dataclass(kw_only=True)
class Deadline:
    """One request's; `label` names service and item. Used by one thread."""

    label: str
    limits: Limits
    clock: Clock = time.monotonic
    expected_bytes: int = 0
    _spent_s: float = 0.0
    _started: float | None = None
    _part: str = HEADER
    _part_s: float = math.inf
    _part_started: float | None = None
    _window_started: float = 0.0
    _in_window: int = 0
    _delivered: int = 0
    _arrived: int = 0
    _last: MgiError | None = None

    @property
    def total_s(self) -> float:
        """Seconds for the whole request."""
        growth = self.expected_bytes / self.limits.min_bytes_per_s if self.expected_bytes else 0.0
        most = max(self.limits.deadline_s, self.expected_bytes / self.limits.large_bytes_per_s)
        return min(self.limits.answer_s + growth, most)

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Count the time of the block, and be this thread's deadline in it.

        Raises NetworkError where earlier attempts have used the time up.
        """
        if self._spent_s >= self.total_s:
            why = f"; the last one: {self._last}" if self._last is not None else ""
            raise NetworkError(f"{self.label}: not complete after {self.total_s:.0f} s in all attempts{why}")
        outer, _current.deadline = current(), self
        self._started = self.clock()
        try:
            yield
        except TransientError as failure:
            self._last = failure.error
            raise
        finally:
            self._spent_s += self.clock() - self._started
            self._started, _current.deadline = None, outer

    def await_header(self) -> None:
        """A header is read next; the connection has limits of its own."""
        self._begin(HEADER, self.limits.read_s)

    def await_refusal(self) -> None:
        """The text of a refusal is read next."""
        self._begin(REFUSAL, self.limits.refusal_s)

    def await_body(self, announced: int) -> None:
        """A body of so many bytes is read next, 0 where its length is not known."""
        self.expected_bytes = max(self.expected_bytes, announced)
        self._begin(BODY, math.inf)
        self._window_started, self._in_window = self.clock(), 0

    def _begin(self, part: str, seconds: float) -> None:
        self._part, self._part_s, self._part_started = part, seconds, None
        self._delivered = self._arrived = 0

    def seconds_for_a_read(self) -> float:
        """How long the next read may stay silent.

        Raises NetworkError where the request's time is over, TransientError where the part's is or where it drips.
        """
        now = self.clock()
        left = self.total_s - self._spent_s - (now - self._started if self._started is not None else 0.0)
        if left <= 0:
            raise NetworkError(f"{self.label}: {self._part} is not complete after {self.total_s:.0f} s {self._so_far}")
        if self._part_started is None:
            self._part_started = now
        part_left = self._part_started + self._part_s - now
        if part_left <= 0:
            said = f"{self._part} is not complete after {self._part_s:.0f} s {self._so_far}"
            if not self._arrived:
                said = f"no answer within {self._part_s:.0f} s"
            raise TransientError(NetworkError(f"{self.label}: {said}"))
        if self._part == BODY:
            self._watch_rate(now)
        return max(min(self.limits.read_s, left, part_left), 0.001)

    @property
    def has_read(self) -> bool:
        """Whether a reply was waited for already; before that, a connection is made."""
        return self._part_started is not None

    def arrived(self, n_bytes: int) -> None:
        """So many bytes came from the socket."""
        self._arrived += n_bytes

    def delivered(self, n_bytes: int) -> None:
        """So many of them are the body's."""
        self._delivered += n_bytes
        self._in_window += n_bytes

    def _watch_rate(self, now: float) -> None:
        seconds = now - self._window_started
        if seconds <= self.limits.rate_window_s:
            return
        if self._in_window < self.limits.min_bytes_per_s * seconds:
            slow = f"{self._part} comes slower than {self.limits.min_bytes_per_s:.0f} bytes/s {self._so_far}"
            raise TransientError(NetworkError(f"{self.label}: {slow}"))
        self._window_started, self._in_window = now, 0

    @property
    def _so_far(self) -> str:
        if self._part != BODY:
            return f"({self._arrived} bytes)"
        # Marks between chunks, trailers and the rest of the packing are no body.
        mostly_marks = self._arrived > 2 * self._delivered + 64
        return f"({self._delivered} bytes" + (f" of {self._arrived} that came)" if mostly_marks else ")")


class _Current(threading.local):
    deadline: Deadline | None = None


_current = _Current()


def current() -> Deadline | None:
    """The deadline of this thread's request in progress."""
    return _current.deadline


@dataclass(kw_only=True)
class Listing:
    """The limits of a search that takes many requests: a service must not go on for ever, page by page."""

    label: str
    limits: Limits
    clock: Clock
    _started: float = field(init=False)
    _requests: int = 0
    _bytes: int = 0

    def __post_init__(self) -> None:
        self._started = self.clock()

    def go_on(self, n_rows: int, announced: int = 0) -> None:
        """Before another request: so many rows are there, of so many.

        Raises IntegrityError for more rows than any listing has, NetworkError where the time is over.
        """
        if (rows := max(n_rows, announced)) > self.limits.listing_rows:
            said = f"lists {shown_count(rows)} rows, expected at most {self.limits.listing_rows}"
            raise IntegrityError(f"{self.label}: {said}")
        if self.clock() - self._started > self.limits.listing_s:
            seconds, so_far = self.limits.listing_s, f"{n_rows} rows in {self._requests} requests"
            raise NetworkError(f"{self.label}: the listing is not complete after {seconds:.0f} s ({so_far})")
        self._requests += 1

    def keep(self, rows: Sequence[Any]) -> None:
        """Before rows are kept; raises IntegrityError where all of them would fill the memory."""
        try:
            self._bytes += len(json.dumps(rows))
        except RecursionError:
            raise IntegrityError(f"{self.label}: rows are nested too deep") from None
        if self._bytes > self.limits.listing_bytes:
            raise IntegrityError(f"{self.label}: its rows take more than {self.limits.listing_bytes} bytes")
