"""A loopback server that answers what a test scripts: cut bodies, refusals, pages instead of data."""

import hashlib
import io
import json
import threading
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from mgi.http.body import Limits
from mgi.http.retry import RetryPolicy
from mgi.http.service import Service, open_session


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One scripted reply; `sent` bytes of the body really go out, `declared` is the Content-Length (None: absent)."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    declared: int | None = -1
    sent: int | None = None
    ranges: bool = False
    chunked: bool = False
    drip_s: float = 0.0


@dataclass
class Stub:
    url: str
    script: dict[str, list[Reply]] = field(default_factory=dict)
    seen: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    def count(self, path: str) -> int:
        return sum(urlsplit(target).path == path for target, _, _ in self.seen)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, stub: Stub) -> None:
        self.stub = stub
        self.stopped = threading.Event()
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that hang up are what these tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        pass

    def do_POST(self) -> None:
        self.do_GET()

    def do_GET(self) -> None:
        stub = self.server.stub
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        is_form = "x-www-form-urlencoded" in self.headers.get("Content-Type", "")
        posted = dict(parse_qsl(body.decode(), keep_blank_values=True)) if is_form else json.loads(body or b"null")
        stub.seen.append((self.path, dict(self.headers), posted))
        replies = stub.script.get(urlsplit(self.path).path, [Reply(status=404, body=b"unknown path")])
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        with suppress(OSError):
            self._answer(reply)

    def _answer(self, reply: Reply) -> None:
        body, status, headers = reply.body, reply.status, dict(reply.headers)
        asked = self.headers.get("Range")
        if asked and reply.ranges:
            start = int(asked.removeprefix("bytes=").split("-")[0])
            headers["Content-Range"] = f"bytes {start}-{len(body) - 1}/{len(body)}"
            body, status = body[start:], 206
        self.send_response(status)
        if reply.chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif reply.declared is not None:
            headers["Content-Length"] = str(len(body) if reply.declared == -1 else reply.declared)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        self._send(body if reply.sent is None else body[: reply.sent], reply)
        if reply.sent is not None or reply.declared != -1:
            self.close_connection = True

    def _send(self, body: bytes, reply: Reply) -> None:
        if reply.drip_s:
            for position in range(len(body)):
                if self.server.stopped.wait(reply.drip_s):
                    return
                self.wfile.write(body[position : position + 1])
        elif reply.chunked:
            self.wfile.write(f"{len(body):x}\r\n".encode() + body + b"\r\n")
            if reply.sent is None:
                self.wfile.write(b"0\r\n\r\n")
        else:
            self.wfile.write(body)


@pytest.fixture
def reply() -> type[Reply]:
    return Reply


@pytest.fixture
def stub() -> Iterator[Stub]:
    stub = Stub(url="")
    server = _Server(stub)
    stub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield stub
    server.stopped.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def service_at() -> Iterator[Callable[..., Service]]:
    """Make a client that never sleeps and gives up soon; its session is closed after the test."""
    sessions = []

    def make(url: str, **changes: Any) -> Service:
        session = open_session(proxies=False)
        sessions.append(session)
        patience = {"limits": Limits(connect_s=2, read_s=2), "policy": RetryPolicy(base_s=0.0), "sleep": lambda s: None}
        return Service(base_url=url, session=session, **{**patience, **changes})

    yield make
    for session in sessions:
        session.close()


DICOM_SERIES = "1.2.840.7"


def dicom_slice(sop_uid: str, **changes: Any) -> bytes:
    """One 4 x 4 FLAIR slice; the last number of its UID is its place in a stack."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = sop_uid
    image.Modality, image.ScanningSequence = "MR", ["SE", "IR"]
    image.EchoTime, image.RepetitionTime, image.InversionTime = 120.0, 9000.0, 2200.0
    image.ImageOrientationPatient, image.ImagePositionPatient = (
        [1, 0, 0, 0, 1, 0],
        [0, 0, 5 * int(sop_uid.rpartition(".")[2])],
    )
    image.PixelSpacing, image.SeriesInstanceUID = [1, 1], DICOM_SERIES
    image.Rows = image.Columns = 4
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 12, 11, 0
    image.PixelData = bytes(range(32))
    for keyword, value in changes.items():
        setattr(image, keyword, value)
    target = io.BytesIO()
    image.save_as(target, enforce_file_format=True)
    return target.getvalue()


def zip_of(members: Mapping[str, bytes], *, md5: bool = True) -> bytes:
    """A series zip as NBIA packs it: licence first, digests last."""
    digests = "Filename,MD5Hash\n" + "".join(
        f"{name},{hashlib.md5(content).hexdigest()}\n" for name, content in members.items()
    )
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("LICENSE", "free")
        for name, content in members.items():
            archive.writestr(name, content)
        if md5:
            archive.writestr("md5hashes.csv", digests)
    return target.getvalue()


@pytest.fixture(name="dicom_slice")
def _dicom_slice() -> Callable[..., bytes]:
    return dicom_slice


@pytest.fixture(name="zip_of")
def _zip_of() -> Callable[..., bytes]:
    return zip_of
