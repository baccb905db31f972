"""What tries a client's patience, seen by a client that only reads bytes."""

import json
import socket
import time
from collections.abc import Callable
from contextlib import ExitStack

import pytest

from mgi_standin.archive.faults import FAULTS, Rule, with_faults
from mgi_standin.archive.response import Handler, Request, Response, json_response
from mgi_standin.archive.server import listen

HITS = {"data": {"hits": [{"file_id": "a", "state": "b"}, {"file_id": "c"}], "pagination": {"total": 2}}}


def plain(request: Request) -> Response:
    return json_response([{"SeriesInstanceUID": "1.2"}] if request.path == "/rows" else HITS)


@pytest.fixture
def said():
    """The first bytes that come of a reply, of so many or until the server hangs up."""
    with ExitStack() as stack:

        def read(fault: str, value: object, n_bytes: int = 1_000_000, path: str = "/hits") -> bytes:
            answer = with_faults(plain, [Rule(path=".", fault=fault, value=value)])
            service = stack.enter_context(listen(answer))
            client = stack.enter_context(socket.create_connection(("127.0.0.1", int(service.url.rpartition(":")[2]))))
            client.settimeout(5)
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            found = b""
            while len(found) < n_bytes and (piece := client.recv(n_bytes - len(found))):
                found += piece
            return found

        yield read


def applied(fault: str, value: object, path: str = "/hits", body: bytes = b"") -> Response:
    answer: Callable[[Handler, Request, object], Response] = FAULTS[fault]
    return answer(plain, Request(method="POST", path=path, body=body), value)


@pytest.mark.parametrize(
    ("fault", "begins", "goes_on"),
    [
        ("drip-header", b"HTTP/1.1 200 OK\r\n", b""),
        ("endless-continue", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n", b""),
        ("endless-mark", b"HTTP/1.1 200 OK\r\n", b"\r\n\r\n1;xxxx"),
        ("endless-trailer", b"HTTP/1.1 200 OK\r\n", b"\r\n0\r\nX: xxx"),
    ],
)
def test_what_drips_goes_on_for_ever_in_its_place(said, fault, begins, goes_on):
    found = said(fault, 5_000.0, 450)
    assert found.startswith(begins)
    assert goes_on in found
    assert len(found) == 450


def test_a_header_comes_at_its_rate(said):
    started = time.monotonic()
    said("drip-header", 500.0, 100)
    assert time.monotonic() - started >= 0.15


def test_a_refusal_drips_after_its_header(said):
    found = said("drip-refusal", 403, 220)
    assert found.startswith(b"HTTP/1.1 403 ")
    assert b"\r\n\r\nno such" in found


def test_texts_and_headers_are_what_the_rule_says(said):
    assert said("raw", "\x1bno HTTP\xb2") == b"\x1bno HTTP\xb2"
    assert b"Retry-After: \xb2\r\n" in said("retry-after-text", "\xb2")
    assert said("refusal-text", "\x1b[2J").endswith(b"\r\n\r\n\x1b[2J")
    found = said("content-range", "bytes x")
    assert found.startswith(b"HTTP/1.1 206 ")
    assert b"Content-Range: bytes x\r\n" in found


def test_a_field_is_set_to_json_of_any_kind():
    assert b'"state": NaN' in applied("set-json", "state=NaN").body
    assert b'"state": "a", "state": "b"' in applied("set-json", 'state="a", "state": "b"').body
    assert json.loads(applied("set-json", r'SeriesInstanceUID="\ud800"', "/rows").body) == [
        {"SeriesInstanceUID": "\ud800"}
    ]


def test_listings_grow_without_end():
    assert json.loads(applied("announce", 1e9).body)["data"]["pagination"]["total"] == 10**9
    pages = [json.loads(applied("endless-pages", 50, body=json.dumps({"from": n}).encode()).body) for n in (0, 1)]
    ids = [hit["file_id"] for page in pages for hit in page["data"]["hits"]]
    assert len(set(ids)) == len(ids) == 2
    assert {page["data"]["pagination"]["total"] for page in pages} == {50}
    rows = json.loads(applied("many-rows", 3, "/rows").body)
    assert [row["SeriesInstanceUID"] for row in rows] == ["1.2.0", "1.2.1", "1.2.2"]
