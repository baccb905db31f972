"""What a client that knows nothing of faults gets to see of each."""

import gzip
import socket
import time
from contextlib import suppress
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import pytest
import requests

from mgi_standin.archive.faults import Rule, with_faults
from mgi_standin.archive.folder import read_archive
from mgi_standin.archive.gdc import gdc_service
from mgi_standin.archive.response import Response
from mgi_standin.archive.server import listen

BODY = bytes(range(256)) * 40


def known(request):
    return Response(body=BODY)


def streamed(request):
    return Response(body=iter([BODY[:5000], BODY[5000:]]))


@pytest.fixture
def raw():
    """All bytes that a fault makes the server send before it hangs up, and how it hung up."""

    def ask(answer, fault, value=None):
        with listen(with_faults(answer, [Rule(path="/", fault=fault, value=value)])) as service:
            with socket.create_connection(("127.0.0.1", urlsplit(service.url).port), timeout=10) as connection:
                connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                received = b""
                try:
                    while piece := connection.recv(1 << 16):
                        received += piece
                except ConnectionResetError:
                    return received, "reset"
            return received, "closed"

    return ask


@pytest.fixture
def get():
    def ask(answer, fault, value=None, **headers):
        with listen(with_faults(answer, [Rule(path="/", fault=fault, value=value)])) as service:
            return requests.get(service.url, timeout=10, headers=headers, allow_redirects=False)

    return ask


@pytest.mark.parametrize(("share", "n_bytes"), [(0.0, 0), (0.01, 102), (0.5, 5120), (0.999, 10229), (1.0, 10239)])
def test_a_dropped_body_is_announced_whole_and_ends_early(raw, share, n_bytes):
    received, end = raw(known, "drop", share)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Content-Length: 10240" in head
    assert (body, end) == (BODY[:n_bytes], "closed")


def test_a_dropped_stream_has_no_last_chunk(raw):
    received, _ = raw(streamed, "drop", 0.5)
    head, _, body = received.partition(b"\r\n\r\n")
    assert b"Transfer-Encoding: chunked" in head
    assert body == b"1400\r\n" + BODY[:5120] + b"\r\n"


@pytest.mark.parametrize("answer", [known, streamed])
def test_a_cut_without_a_length_looks_complete(get, answer):
    reply = get(answer, "close-cut", 0.5)
    assert "Content-Length" not in reply.headers
    assert reply.content == BODY[:5120]


@pytest.mark.parametrize("answer", [known, streamed])
def test_a_cut_in_chunks_does_not_look_complete(get, raw, answer):
    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        get(answer, "chunked-cut", 0.5)
    assert not raw(answer, "chunked-cut", 0.5)[0].endswith(b"0\r\n\r\n")


def test_a_reset_comes_before_the_header_or_in_the_body(raw):
    assert raw(known, "reset-early") == (b"", "reset")
    received, end = raw(known, "reset", 0.5)
    assert end == "reset"
    assert len(received) < len(BODY)


def test_a_wrong_length_is_announced_and_all_bytes_are_sent(raw):
    for fault, value, length in (("length-long", 100, b"10340"), ("length-short", 100, b"10140")):
        head, _, body = raw(known, fault, value)[0].partition(b"\r\n\r\n")
        assert b"Content-Length: " + length in head
        assert body == BODY


@pytest.mark.parametrize(("fault", "value"), [("stall", 0.5), ("drip", 0.01), ("slow-header", 60.0)])
def test_a_slow_reply_keeps_the_client_waiting_and_ends_with_the_service(fault, value):
    with listen(with_faults(known, [Rule(path="/", fault=fault, value=value)])) as service:
        port = urlsplit(service.url).port
        with socket.create_connection(("127.0.0.1", port), timeout=0.5) as hasty:
            hasty.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            with pytest.raises(TimeoutError):
                read_all(hasty)
        patient = socket.create_connection(("127.0.0.1", port), timeout=20)
        patient.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        while len(service.requests) < 2:
            time.sleep(0.01)
    with patient:  # the end of the block cut pauses short that are longer than this waits
        assert len(read_all(patient)) < len(BODY)


def read_all(connection):
    received = b""
    with suppress(ConnectionResetError):
        while piece := connection.recv(1 << 16):
            received += piece
    return received


def test_a_dripping_body_comes_a_byte_at_a_time(raw):
    received, _ = raw(lambda request: Response(body=b"abc"), "drip", 1000.0)
    assert received.endswith(b"\r\n\r\nabc")


def test_refusals_have_their_status_and_their_time(get):
    assert get(known, "status", 503).status_code == 503
    busy = get(known, "retry-after", 7.0)
    assert (busy.status_code, busy.headers["Retry-After"]) == (429, "7")
    dated = get(known, "retry-date", 1000.0).headers["Retry-After"]
    assert dated.endswith("GMT")
    assert 900 < parsedate_to_datetime(dated).timestamp() - time.time() <= 1000


def test_what_comes_instead_of_data_has_status_200(get):
    page, hidden = get(known, "page"), get(known, "page-as-data")
    assert page.text == hidden.text
    assert page.text.startswith("<!DOCTYPE html>")
    assert (page.headers["Content-Type"], hidden.headers["Content-Type"]) == ("text/html", "application/octet-stream")
    assert get(known, "empty").content == b""
    assert "error" in get(known, "json-error").json()
    assert {reply.status_code for reply in (page, hidden, get(known, "empty"))} == {200}


def test_a_redirect_goes_round_or_where_it_is_told(get):
    assert get(known, "redirect").headers["Location"] == "/"
    assert get(known, "redirect", "file:///x").headers["Location"] == "file:///x"


def test_ranges_are_ignored_shifted_or_refused(archive_folder):
    gdc = gdc_service(read_archive(archive_folder))
    whole = (archive_folder / "gdc/data/f01").read_bytes()

    def ask(fault, value=None):
        with listen(with_faults(gdc, [Rule(path="/data/", fault=fault, value=value)])) as service:
            return requests.get(f"{service.url}/data/f01", timeout=10, headers={"Range": "bytes=10-19"})

    ignored = ask("no-range")
    assert (ignored.status_code, ignored.content) == (200, whole)
    shifted = ask("wrong-range", 5)
    assert (shifted.status_code, shifted.headers["Content-Range"]) == (206, "bytes 15-24/25")
    assert shifted.content == whole[10:20]
    assert ask("range-416").status_code == 416


def test_names_and_tags_are_sent_as_given(get):
    assert get(known, "etag", "a").headers["ETag"] == '"a"'
    assert get(known, "disposition", "../../x").headers["Content-Disposition"] == 'attachment; filename="../../x"'


def test_a_packed_body_unpacks_to_the_same(get):
    reply = get(known, "gzip")
    assert reply.headers["Content-Encoding"] == "gzip"
    assert reply.content == BODY


def test_a_bomb_is_a_thousandth_of_what_it_unpacks_to(get):
    with listen(with_faults(known, [Rule(path="/", fault="gzip-bomb", value=8)])) as service:
        reply = requests.get(service.url, timeout=10, stream=True)
        packed = reply.raw.read(decode_content=False)
    assert len(packed) < (8 << 20) / 900
    assert gzip.decompress(packed) == bytes(8 << 20)
