import hashlib

import pytest

from mgi.core.errors import IntegrityError, NetworkError
from mgi.http.download import Download, download
from mgi.http.retry import TransientError
from mgi.http.service import Request

CONTENT = bytes(range(256)) * 400
ASK = Request(path="data/1", label="file 1")


def check(path):
    if path.read_bytes() != CONTENT:
        raise TransientError(IntegrityError("file 1: wrong md5"))
    return hashlib.sha256(CONTENT).hexdigest()


def wanted(folder, **changes):
    given = {"request": ASK, "target": folder / "a" / "file.tsv", "size": len(CONTENT), "max_bytes": 1 << 20}
    return Download(**{**given, **changes})


def bring(service, folder, **changes):
    target = folder / "a" / "file.tsv"
    result = download(service, wanted(folder, **changes), check)
    assert target.read_bytes() == CONTENT
    assert [path.name for path in target.parent.iterdir()] == ["file.tsv"]
    return result


def test_a_good_file_arrives_and_leaves_no_part(stub, reply, service_at, tmp_path):
    stub.script["/data/1"] = [reply(body=CONTENT)]
    assert bring(service_at(stub.url), tmp_path) == hashlib.sha256(CONTENT).hexdigest()
    assert stub.count("/data/1") == 1


@pytest.mark.parametrize("sent", [1, 70, len(CONTENT) // 2, len(CONTENT) - 1])
def test_a_cut_body_is_continued_from_where_it_stopped(stub, reply, service_at, tmp_path, sent):
    stub.script["/data/1"] = [reply(body=CONTENT, sent=sent), reply(body=CONTENT, ranges=True)]
    bring(service_at(stub.url), tmp_path)
    asked = stub.seen[1][1].get("Range")
    assert asked == (None if sent == 1 else f"bytes={sent}-{len(CONTENT) - 1}")


def test_a_part_of_an_earlier_run_is_continued(stub, reply, service_at, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file.tsv.part").write_bytes(CONTENT[:1000])
    stub.script["/data/1"] = [reply(body=CONTENT, ranges=True)]
    bring(service_at(stub.url), tmp_path)
    assert stub.seen[0][1]["Range"].startswith("bytes=1000-")


def test_a_complete_part_of_an_earlier_run_costs_no_request(service_at, tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "file.tsv.part").write_bytes(CONTENT)
    bring(service_at("http://127.0.0.1:9"), tmp_path)


def test_a_service_that_ignores_the_range_does_not_double_the_start(stub, reply, service_at, tmp_path):
    stub.script["/data/1"] = [reply(body=CONTENT, sent=900), reply(body=CONTENT)]
    bring(service_at(stub.url), tmp_path)
    assert stub.count("/data/1") == 2


@pytest.mark.parametrize(
    ("status", "header"), [(206, "bytes 5-99/100"), (206, ""), (416, "bytes */102400")], ids=["offset", "none", "416"]
)
def test_a_piece_that_does_not_fit_restarts_from_nothing(stub, reply, service_at, tmp_path, status, header):
    odd = reply(status=status, body=b"x" * 95, headers={"Content-Range": header} if header else {})
    stub.script["/data/1"] = [reply(body=CONTENT, sent=900), odd, reply(body=CONTENT, ranges=True)]
    bring(service_at(stub.url), tmp_path)
    assert "Range" not in stub.seen[2][1]


def test_wrong_bytes_once_are_replaced(stub, reply, service_at, tmp_path):
    stub.script["/data/1"] = [reply(body=CONTENT[::-1]), reply(body=CONTENT)]
    bring(service_at(stub.url), tmp_path)


def test_wrong_bytes_for_ever_leave_no_file_and_name_it(stub, reply, service_at, tmp_path):
    stub.script["/data/1"] = [reply(body=CONTENT[::-1])]
    with pytest.raises(IntegrityError, match=r"file 1: wrong md5 \(6 attempts\)"):
        download(service_at(stub.url), wanted(tmp_path), check)
    assert stub.count("/data/1") == 6
    assert list((tmp_path / "a").iterdir()) == []


@pytest.mark.parametrize("length", [len(CONTENT) - 10, len(CONTENT) + 10])
def test_another_size_is_named_with_what_was_expected(stub, reply, service_at, tmp_path, length):
    stub.script["/data/1"] = [reply(body=(CONTENT * 2)[:length])]
    with pytest.raises(IntegrityError, match=f"file 1: size {length}.*{len(CONTENT)}"):
        download(service_at(stub.url), wanted(tmp_path), check)
    assert not (tmp_path / "a" / "file.tsv").exists()


def test_a_close_delimited_body_that_stops_half_way_is_noticed(stub, reply, service_at, tmp_path):
    stub.script["/data/1"] = [reply(body=CONTENT, declared=None, sent=5000), reply(body=CONTENT, ranges=True)]
    bring(service_at(stub.url), tmp_path)


@pytest.mark.parametrize("page", [b"<!doctype html>" + b" " * 200, b"\n<html><body>Bad gateway"])
def test_a_web_page_never_touches_the_disk(stub, reply, service_at, tmp_path, page):
    stub.script["/data/1"] = [reply(body=page), reply(body=b"x", headers={"Content-Type": "text/html"})]
    with pytest.raises(NetworkError, match=r"file 1: .*page"):
        download(service_at(stub.url), wanted(tmp_path, size=None), check)
    assert list((tmp_path / "a").iterdir()) == []


def test_data_of_another_kind_is_not_written(stub, reply, service_at, tmp_path):
    stub.script["/data/1"] = [reply(body=b'{"error": "no"}'), reply(body=CONTENT)]
    bring(service_at(stub.url), tmp_path, magic=CONTENT[:2])


def test_an_endless_body_is_stopped_and_removed(stub, reply, service_at, tmp_path):
    stub.script["/data/1"] = [reply(body=CONTENT)]
    with pytest.raises(IntegrityError, match=r"file 1: .*5000"):
        download(service_at(stub.url), wanted(tmp_path, size=None, max_bytes=5000), check)
    assert stub.count("/data/1") == 1


@pytest.mark.parametrize("status", [403, 404])
def test_a_refused_file_is_asked_for_once(stub, reply, service_at, tmp_path, status):
    stub.script["/data/1"] = [reply(status=status, body=b'{"message": "not found"}')]
    with pytest.raises(NetworkError, match=f"file 1: HTTP {status}"):
        download(service_at(stub.url), wanted(tmp_path), check)
    assert stub.count("/data/1") == 1
