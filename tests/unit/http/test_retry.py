from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import numpy as np
import pytest

from mgi.core.errors import BadInputError, IntegrityError, NetworkError
from mgi.http.retry import RetryPolicy, TransientError, pause_before, retry_after_seconds, with_retries


def failing(times: int, error: Exception, calls: list[int]):
    def action() -> str:
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "done"

    return action


def test_two_passing_failures_are_survived():
    calls, slept = [], []
    action = failing(2, TransientError(NetworkError("HTTP 503")), calls)
    assert with_retries(action, RetryPolicy(), seed="thing", sleep=slept.append) == "done"
    assert len(calls) == 3
    assert len(slept) == 2


def test_a_lasting_failure_ends_after_six_attempts_as_the_error_inside():
    calls = []
    action = failing(99, TransientError(IntegrityError("file x: wrong md5")), calls)
    with pytest.raises(IntegrityError, match=r"file x: wrong md5 \(6 attempts\)"):
        with_retries(action, RetryPolicy(), seed="thing", sleep=lambda s: None)
    assert len(calls) == 6


def test_a_permanent_failure_is_never_repeated():
    calls = []
    with pytest.raises(BadInputError):
        with_retries(failing(99, BadInputError("no"), calls), RetryPolicy(), seed="thing")
    assert len(calls) == 1


def test_no_pause_follows_the_last_attempt():
    slept = []
    action = failing(9, TransientError(NetworkError("no")), [])
    with pytest.raises(NetworkError):
        with_retries(action, RetryPolicy(attempts=2), seed="thing", sleep=slept.append)
    assert len(slept) == 1


@pytest.mark.parametrize(("retry", "highest"), [(1, 1.0), (2, 2.0), (5, 16.0), (7, 60.0), (30, 60.0)])
def test_the_pause_doubles_up_to_a_minute_with_full_jitter(retry, highest):
    rng = np.random.default_rng(7)
    pauses = [pause_before(retry, RetryPolicy(), rng=rng) for _ in range(400)]
    assert 0 <= min(pauses) < 0.1 * highest
    assert 0.9 * highest < max(pauses) <= highest


def test_what_the_server_asks_is_honoured_but_capped_at_five_minutes():
    rng = np.random.default_rng(0)
    assert pause_before(1, RetryPolicy(), rng=rng, retry_after_s=7.0) == 7.0
    assert pause_before(1, RetryPolicy(), rng=rng, retry_after_s=86_400.0) == 300.0


def test_retry_after_is_read_as_seconds_and_as_a_date():
    assert retry_after_seconds("120") == 120.0
    assert 25 < retry_after_seconds(format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)) <= 30
    assert retry_after_seconds("Thu, 01 Jan 2026 11:00:00 GMT") == 0.0
    for unreadable in ("soon", "", "9" * 5000, "Thu, 01 Jan 9999999999999 11:00:00 GMT"):
        assert retry_after_seconds(unreadable) is None
    assert retry_after_seconds(None) is None
