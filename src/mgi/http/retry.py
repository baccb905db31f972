"""When to try again, and how long to wait: the only place in the project that retries."""

import logging
import random
import re
import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TypeVar

from mgi.core.errors import MgiError

T = TypeVar("T")
# Who waits longer than this is told for what.
SAID_FROM_S = 20.0
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class RetryPolicy:
    """How often and how patiently; delays in seconds."""

    attempts: int = 6
    base_s: float = 1.0
    cap_s: float = 60.0
    retry_after_cap_s: float = 300.0


class TransientError(Exception):
    """A failure that another attempt may cure; `error` is what to raise when none does."""

    def __init__(self, error: MgiError, *, retry_after_s: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after_s = retry_after_s


def with_retries(
    action: Callable[[], T], policy: RetryPolicy, *, seed: str, sleep: Callable[[float], None] = time.sleep
) -> T:
    """Call `action` until it returns, at most `policy.attempts` times; only TransientError is tried again.

    Jitter follows from `seed`: threads share no generator. Raises the error inside the last TransientError, with the
    number of attempts.
    """
    rng, attempt = random.Random(zlib.crc32(seed.encode())), 0
    while True:
        attempt += 1
        try:
            return action()
        except TransientError as failure:
            if attempt >= policy.attempts:
                raise type(failure.error)(f"{failure.error} ({attempt} attempts)") from None
            pause_s = pause_before(attempt, policy, rng=rng, retry_after_s=failure.retry_after_s)
            if pause_s >= SAID_FROM_S:
                _log.info("%s; waiting %.0f s before attempt %d", failure.error, pause_s, attempt + 1)
            sleep(pause_s)


def pause_before(retry: int, policy: RetryPolicy, *, rng: random.Random, retry_after_s: float | None = None) -> float:
    """Seconds before the `retry`-th retry (from 1): what the server asks, capped, or exponential with full jitter."""
    if retry_after_s is not None:
        return min(max(retry_after_s, 0.0), policy.retry_after_cap_s)
    return rng.uniform(0.0, min(policy.cap_s, policy.base_s * 2 ** (retry - 1)))


def retry_after_seconds(header: str | None) -> float | None:
    """Seconds asked by a Retry-After header, a number or an HTTP date; None where absent or unreadable."""
    said = (header or "").strip()
    if re.fullmatch(r"[0-9]{1,100}", said):
        return float(said)
    try:
        until = parsedate_to_datetime(said)
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
        return max((until - datetime.now(UTC)).total_seconds(), 0.0)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
