"""Certificates and proxies: what will not pass is said once, by its name."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from mgi.core.errors import ConfigError, NetworkError
from mgi.http.body import Limits
from mgi.http.connections import open_session
from mgi.http.retry import RetryPolicy
from mgi.http.service import Request, Service, open_service

ASK = Request(path="thing", label="thing")
REPLY = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[1]"
needs_openssl = pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl to make a certificate with")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of its own for 127.0.0.1, and its key in one file."""
    path = tmp_path_factory.mktemp("tls") / "own.pem"
    options = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=own -addext subjectAltName=IP:127.0.0.1"
    command = ["openssl", *options.split(), "-keyout", str(path), "-out", f"{path}.cert"]
    subprocess.run(command, check=True, capture_output=True)
    Path(f"{path}.cert").write_text(Path(f"{path}.cert").read_text() + path.read_text())
    return Path(f"{path}.cert")


@contextlib.contextmanager
def tls_server(certificate: Path) -> Iterator[tuple[int, list[int]]]:
    """Accepts, shakes hands and answers; counts who came."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    came: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def run() -> None:
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    came.append(1)
                    with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as safe:
                        safe.recv(65_536)
                        safe.sendall(REPLY)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield listener.getsockname()[1], came
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def asked(url: str) -> object:
    session = open_session()
    try:
        return Service(base_url=url, session=session, sleep=lambda seconds: None).json(ASK)
    finally:
        session.close()


@needs_openssl
def test_an_untrusted_certificate_is_said_once_with_what_to_do(certificate, monkeypatch):
    with tls_server(certificate) as (port, came):
        with pytest.raises(NetworkError, match=r"thing: .*certificate.*self-signed.*REQUESTS_CA_BUNDLE") as caught:
            asked(f"https://127.0.0.1:{port}")
        assert len(came) == 1
        assert "attempts" not in str(caught.value)
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
        assert asked(f"https://127.0.0.1:{port}") == [1]


@needs_openssl
def test_a_certificate_of_another_host_asks_whether_the_address_is_right(certificate, monkeypatch):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    with tls_server(certificate) as (port, came):
        with pytest.raises(NetworkError, match=r"thing: .*[mM]ismatch.*base_url"):
            asked(f"https://localhost:{port}")
        assert len(came) == 1


def test_a_port_that_speaks_no_tls_is_said_once(raw):
    server = raw(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
    with pytest.raises(NetworkError, match=r"thing: .*no TLS.*port of base_url"):
        asked(server.url.replace("http:", "https:"))
    assert server.connections == 1


@pytest.mark.parametrize(("status", "times"), [(407, 1), (403, 1), (503, 6)])
def test_a_proxy_that_refuses_is_named_as_the_proxy(raw, monkeypatch, status, times):
    server = raw(f"HTTP/1.1 {status} \x1b[2JNo\r\nContent-Length: 0\r\n\r\n".encode())
    monkeypatch.setenv("HTTPS_PROXY", server.url)
    with pytest.raises(NetworkError, match=rf"thing: .*proxy.*HTTP {status}.*HTTPS_PROXY") as caught:
        asked("https://api.example.org")
    assert str(caught.value).isprintable()
    assert server.connections == times


def test_certificates_that_are_not_there_or_are_none_are_named_by_the_variable(tmp_path, monkeypatch, raw):
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "nowhere.pem"))
    with pytest.raises(ConfigError, match=r"REQUESTS_CA_BUNDLE: .*nowhere.pem"):
        open_service("https://api.example.org", connections=1, policy=RetryPolicy())
    (tmp_path / "nowhere.pem").write_text("no certificate")
    with pytest.raises(NetworkError, match=r"thing: .*REQUESTS_CA_BUNDLE.*PEM"):
        asked(raw(b"").url.replace("http:", "https:"))


@pytest.mark.parametrize("proxy", ["http://[::1", "http://h:99999", "ftp://h:1", "http://", "http://:80"])
def test_a_proxy_that_is_none_is_refused_by_the_variable_and_not_shown(monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ConfigError, match="HTTPS_PROXY") as caught:
        open_service("https://api.example.org", connections=1, policy=RetryPolicy())
    assert proxy == "http://" or proxy not in str(caught.value)


@pytest.mark.parametrize(
    "proxy", ["http://proxy.example.org:3128", "proxy.example.org:3128", "https://me:secret@10.0.0.1"]
)
def test_a_proxy_is_taken_as_the_environment_writes_it(monkeypatch, proxy):
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    open_service("https://api.example.org", connections=1, policy=RetryPolicy()).session.close()


def test_a_proxy_that_cannot_be_reached_is_named_as_the_proxy(monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    with pytest.raises(NetworkError, match=r"thing: no connection \(refused\): .*proxy.*HTTPS_PROXY"):
        asked("https://api.example.org")


def test_an_encrypted_connection_that_is_not_made_is_named_by_its_seconds(raw, service_at):
    server = raw(lambda connection: connection.recv(100_000) and connection.recv(100_000))
    service = service_at(
        server.url.replace("http:", "https:"), limits=Limits(connect_s=0.1), policy=RetryPolicy(attempts=1)
    )
    with pytest.raises(NetworkError, match="thing: no answer within 0 s"):
        service.json(ASK)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (b"SSH-2.0-OpenSSH\r\n", "does not begin as HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"a" * 70_000 + b"\r\n\r\n", "header has no bounds"),
        (b"HTTP/1.1 200 OK\r\n" + b"".join(b"X%d: 1\r\n" % n for n in range(200)) + b"\r\n", "header has no bounds"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 2, 3\r\n\r\n[]", "InvalidHeader"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n[]", "broke off"),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-5\r\n[]", "broke off"),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: " + b"gzip," * 50 + b"gzip\r\n\r\nxx", "broke off"),
    ],
)
def test_nonsense_in_place_of_http_is_one_line(raw, service_at, said, shown):
    with pytest.raises(NetworkError, match=f"^local archive: thing: .*{shown}"):
        service_at(raw(said).url).json(ASK)
