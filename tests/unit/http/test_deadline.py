"""Whatever drips ends within the deadline; the limits are the real ones, and the clock is a fast one."""

import pytest
from fast_clock import FastClock

from mgi.core.errors import IntegrityError, NetworkError
from mgi.http.deadline import Deadline, Limits, Listing
from mgi.http.download import Download, download
from mgi.http.retry import RetryPolicy, TransientError
from mgi.http.service import Request
from raw_server import endless

ASK = Request(path="thing", label="thing")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DRIPS = {
    "status line": (endless(b"HTTP/1.1 200 ", b"O"), r"the header is not complete after 30 s \(\d+ bytes\)"),
    "header": (endless(b"HTTP/1.1 200 OK\r\nX: ", b"a"), r"the header is not complete after 30 s \(\d+ bytes\)"),
    "100 Continue": (endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n"), r"the header is not complete after 30 s"),
    "body": (endless(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n[", b" "), r"the body .* \(\d+ bytes\)"),
    "body without a length": (endless(b"HTTP/1.1 200 OK\r\n\r\n[", b" "), r"the body .* \(\d+ bytes\)"),
    "chunks": (endless(CHUNKED + b"1\r\n[\r\n", b"1\r\n \r\n"), r"the body .* \(\d+ bytes"),
    "chunk mark": (endless(CHUNKED + b"2;", b"x"), r"the body .* \(0 bytes"),
    "trailer": (endless(CHUNKED + b"2\r\n[]\r\n0\r\nX: ", b"x"), r"the body .* \(2 bytes"),
    "trailers": (endless(CHUNKED + b"2\r\n[]\r\n0\r\n", b"X: x\r\n"), r"the body .* \(2 bytes"),
    "gzip": (
        endless(b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\x03", b"a"),
        r"the body .* \(0 bytes",
    ),
}


def seconds_by_its_clock(service):
    return service.clock.latest_s


@pytest.mark.parametrize("what", DRIPS)
def test_whatever_drips_is_given_up_within_the_deadline_and_named(raw, service_at, what):
    say, says = DRIPS[what]
    server = raw(say)
    service = service_at(server.url, limits=Limits(), clock=FastClock(2.0))
    with pytest.raises(NetworkError, match=f"^local archive: thing: {says}"):
        service.json(ASK)
    assert seconds_by_its_clock(service) < 2 * Limits().answer_s
    assert server.connections <= 6


@pytest.mark.parametrize("status", [400, 404, 503])
def test_a_refusal_whose_text_drips_is_still_the_refusal(raw, service_at, status):
    say = endless(f"HTTP/1.1 {status} No\r\nContent-Length: 99999\r\n\r\nno such".encode(), b"h")
    service = service_at(raw(say).url, limits=Limits(), clock=FastClock(1.0))
    with pytest.raises(NetworkError, match=f"^local archive: thing: HTTP {status}, no such"):
        service.json(ASK)
    assert seconds_by_its_clock(service) < Limits().answer_s


def test_a_download_has_the_time_of_its_size_and_no_more(raw, service_at, tmp_path):
    size = 1_000_000
    say = endless(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b"x" * 1000, 0.001)
    service = service_at(raw(say).url, limits=Limits(min_bytes_per_s=10_000, rate_window_s=1e9), clock=FastClock(3.0))
    wanted = Download(request=ASK, target=tmp_path / "file", size=size, max_bytes=2 * size)
    with pytest.raises(NetworkError, match=r"thing: the body is not complete after 400 s \(\d+ bytes\)$"):
        download(service, wanted, lambda part: None)
    assert not wanted.target.exists()


def test_an_announced_length_that_lies_buys_no_time(raw, service_at):
    say = endless(b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n[", b" " * 100)
    limits = Limits(json_bytes=100_000, rate_window_s=1e9)
    service = service_at(raw(say).url, limits=limits, clock=FastClock(5.0))
    with pytest.raises(NetworkError, match="not complete after 310 s"):
        service.json(ASK)


def test_attempts_share_the_deadline_and_pauses_do_not_count(raw, service_at):
    slept = []
    server = raw(endless(b"HTTP/1.1 200 OK\r\nX: ", b"a"))
    limits = Limits(answer_s=100)
    service = service_at(server.url, limits=limits, clock=FastClock(2.0), sleep=slept.append, policy=RetryPolicy())
    with pytest.raises(NetworkError, match="not complete after 100 s"):
        service.json(ASK)
    assert 3 <= server.connections <= 4
    assert len(slept) == server.connections - 1


def test_silence_is_named_by_its_seconds(raw, service_at):
    def say(connection):
        connection.recv(1)  # the client's end

    service = service_at(raw(say).url, limits=Limits(read_s=0.05), policy=RetryPolicy(attempts=2))
    with pytest.raises(NetworkError, match=r"thing: no answer within 0 s \(2 attempts\)$"):
        service.json(ASK)


def fail_after_4_s(deadline, now):
    now[0] += 4
    assert deadline.seconds_for_a_read() > 0
    raise TransientError(NetworkError("here: thing: HTTP 503"))


def test_a_deadline_counts_attempts_and_not_what_lies_between_them():
    now = [0.0]
    deadline = Deadline(label="here: thing", limits=Limits(answer_s=10), clock=lambda: now[0])
    for _ in range(2):
        with pytest.raises(TransientError), deadline.attempt():
            fail_after_4_s(deadline, now)
        now[0] += 1_000
    with pytest.raises(NetworkError, match="after 10 s"), deadline.attempt():
        fail_after_4_s(deadline, now)
    with pytest.raises(NetworkError, match="in all attempts; the last one: here: thing: HTTP 503"), deadline.attempt():
        pass


@pytest.mark.parametrize(("expected", "seconds"), [(0, 300), (1_000_000, 400), (10**8, 3600), (10**9, 10_000)])
def test_the_deadline_grows_with_the_size_up_to_an_hour_or_what_a_large_file_needs(expected, seconds):
    assert Deadline(label="x", limits=Limits(), expected_bytes=expected).total_s == seconds


def test_a_listing_has_an_end_in_rows_and_in_seconds():
    now = [0.0]
    listing = Listing(label="here: files", limits=Limits(), clock=lambda: now[0])
    listing.go_on(200_000, 200_000)
    with pytest.raises(IntegrityError, match=r"here: files: .*200001 rows, .*200000"):
        listing.go_on(200_001)
    with pytest.raises(IntegrityError, match=r"more than 10\^18 rows"):
        listing.go_on(1, 10**4000)
    fat = [{"note": "x" * 1_000_000}]
    for _ in range(67):
        listing.keep(fat)
    with pytest.raises(IntegrityError, match=r"here: files: .*67108864 bytes"):
        listing.keep(fat)
    now[0] = 3_601.0
    with pytest.raises(NetworkError, match=r"here: files: .*3600 s .*7 rows in 1 requests"):
        listing.go_on(7)
