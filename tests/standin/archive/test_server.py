import http.client
import json
import threading
from urllib.parse import urlsplit

import pytest
import requests

from mgi_standin.archive.response import FilePart, Response, text_response
from mgi_standin.archive.server import Exchange, archive_service, listen, serve


def get(url, path, **options):
    return requests.get(url + path, timeout=10, headers={"Connection": "close"}, **options)


def test_a_service_tells_its_address_and_logs_its_exchanges(archive_folder):
    with serve(archive_folder) as service:
        assert service.url.startswith("http://127.0.0.1:")
        content = get(service.url, "/data/f01?x=1").content
        get(service.url, "/data/never")
        size = len(get(service.url, "/data/f01,f02").content)
        assert service.requests == [
            Exchange("GET", "/data/f01?x=1", 200, len(content)),
            ("GET", "/data/never", 404, len(b'{"message": "never not found"}')),
            ("GET", "/data/f01,f02", 200, size),
        ]


def test_the_port_is_free_again_after_the_block_even_with_a_kept_connection(archive_folder):
    with serve(archive_folder) as service:
        port = int(service.url.rpartition(":")[2])
        kept = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        kept.request("GET", "/status")
        assert kept.getresponse().read()
    assert kept.sock.recv(1) == b""  # hung up on
    kept.close()
    with serve(archive_folder, port) as again:
        assert get(again.url, "/status").status_code == 200


def test_a_port_in_use_is_an_os_error(archive_folder):
    with serve(archive_folder) as service:
        port = int(service.url.rpartition(":")[2])
        with pytest.raises(OSError, match="in use"), serve(archive_folder, port):
            pass


def test_an_incomplete_folder_is_a_503_until_it_is_complete(archive_folder):
    marker = archive_folder / "archive.json"
    marker.unlink()
    with serve(archive_folder) as service:
        for path in ("/status", "/nbia-api/services/v4/getPatient"):
            reply = get(service.url, path)
            assert reply.status_code == 503
            assert reply.headers["Content-Type"] == "text/plain"
            assert "archive.json is missing" in reply.text
        marker.write_text(json.dumps({"simulated": True}))
        assert get(service.url, "/status").json()["status"] == "OK"


def test_the_folder_is_read_once(archive_folder):
    with serve(archive_folder) as service:
        assert get(service.url, "/status").status_code == 200
        (archive_folder / "gdc" / "status.json").unlink()
        assert get(service.url, "/status").status_code == 200


def test_connections_are_kept_and_answers_come_in_order(service):
    connection = http.client.HTTPConnection(urlsplit(service.url).netloc, timeout=10)
    for path in ("/status", "/data/f01,f02", "/nbia-api/services/v4/getSeries?Collection=x", "/status"):
        connection.request("GET", path)
        reply = connection.getresponse()
        assert (reply.status, reply.version) == (200, 11)
        reply.read()
        assert connection.sock is not None
    connection.close()


def test_requests_are_answered_side_by_side(service):
    replies = []
    threads = [threading.Thread(target=lambda: replies.append(get(service.url, "/data/f01"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {reply.content for reply in replies} == {b"# gene-model: GENCODE v36\nf01\n" * 3}
    assert len(replies) == 8


def test_an_address_too_long_is_a_414_that_a_post_avoids(service):
    assert get(service.url, "/files?filters=" + "x" * 9000).status_code == 414
    filters = {"op": "in", "content": {"field": "file_id", "value": ["x" * 9000, "f01"]}}
    reply = requests.post(service.url + "/files", json={"filters": filters}, timeout=10)
    assert reply.json()["data"]["pagination"]["total"] == 1
    reply.close()


def test_a_body_that_breaks_off_does_not_look_complete(capsys):
    def pieces():
        yield b"half"
        raise FileNotFoundError("gone")

    expected = pytest.raises(requests.exceptions.ChunkedEncodingError)
    with listen(lambda request: Response(body=pieces())) as service, expected:
        get(service.url, "/")
    assert "FileNotFoundError" in capsys.readouterr().err


def test_a_handler_can_be_wrapped_around_the_services(archive_folder):
    answer = archive_service(archive_folder)

    def moody(request):
        return text_response("later", 503) if request.path == "/status" else answer(request)

    with listen(moody) as service:
        assert get(service.url, "/status").text == "later"
        assert get(service.url, "/data/f01").status_code == 200


def test_an_old_client_gets_no_chunk_marks(service):
    parts = urlsplit(service.url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection._http_vsn, connection._http_vsn_str = 10, "HTTP/1.0"
    connection.request("GET", "/data/f01,f02?tarfile")
    reply = connection.getresponse()
    assert reply.getheader("Transfer-Encoding") is None
    assert reply.read(12) == b"MANIFEST.txt"
    connection.close()


@pytest.mark.parametrize("headers", [{"Content-Length": "2500000"}, {}], ids=["with its length", "chunked"])
def test_a_part_of_a_stored_file_arrives_byte_for_byte_and_is_counted(tmp_path, headers):
    stored = tmp_path / "stored"
    stored.write_bytes(bytes(range(256)) * 10_000)
    part = FilePart(stored, 7, 2_500_000)
    with listen(lambda request: Response(headers=headers, body=part)) as service:
        reply = get(service.url, "/")
        assert ("Content-Length" in reply.headers) == bool(headers)
        assert reply.content == stored.read_bytes()[7:2_500_007] == b"".join(part)
        assert service.requests == [Exchange("GET", "/", 200, 2_500_000)]


def test_a_file_that_became_shorter_breaks_the_reply_off(tmp_path):
    stored = tmp_path / "stored"
    stored.write_bytes(b"short")
    with (
        listen(lambda request: Response(headers={"Content-Length": "10"}, body=FilePart(stored, 0, 10))) as service,
        pytest.raises(requests.exceptions.ChunkedEncodingError),
    ):
        get(service.url, "/")
