import gzip
import hashlib
import json

import pytest

from mgi.core.errors import IntegrityError, NetworkError
from mgi.modalities.rna.sources.gencode import fetch_gtf, stated_md5

CONTENT = gzip.compress(b"##gtf\n", mtime=0)
MD5 = hashlib.md5(CONTENT).hexdigest()


def test_the_annotation_is_fetched_once(stub, reply, service_at, tmp_path):
    stub.script["/data/f-1"] = [reply(body=CONTENT)]
    target = tmp_path / "raw" / "a.gtf.gz"
    assert fetch_gtf(service_at(stub.url), "f-1", MD5, target) is True
    assert target.read_bytes() == CONTENT
    assert fetch_gtf(service_at(stub.url), "f-1", MD5, target) is False
    assert stub.count("/data/f-1") == 1
    assert [path.name for path in target.parent.iterdir()] == ["a.gtf.gz"]


def test_a_file_with_other_bytes_is_replaced(stub, reply, service_at, tmp_path):
    stub.script["/data/f-1"] = [reply(body=CONTENT)]
    (tmp_path / "a.gtf.gz").write_bytes(b"old")
    assert fetch_gtf(service_at(stub.url), "f-1", MD5, tmp_path / "a.gtf.gz") is True
    assert (tmp_path / "a.gtf.gz").read_bytes() == CONTENT


def test_wrong_bytes_once_are_fetched_again_and_for_ever_leave_nothing(stub, reply, service_at, tmp_path):
    other = gzip.compress(b"##gtx\n", mtime=0)
    stub.script["/data/f-1"] = [reply(body=other), reply(body=CONTENT)]
    fetch_gtf(service_at(stub.url), "f-1", MD5, tmp_path / "a.gtf.gz")
    assert (tmp_path / "a.gtf.gz").read_bytes() == CONTENT
    stub.script["/data/f-1"] = [reply(body=other)]
    with pytest.raises(IntegrityError, match=rf"annotation f-1: .*md5 \w+, modalities\.rna\.fit\.gtf\.md5 .*{MD5}"):
        fetch_gtf(service_at(stub.url), "f-1", MD5, tmp_path / "b.gtf.gz")
    assert [path.name for path in tmp_path.iterdir()] == ["a.gtf.gz"]
    assert stub.count("/data/f-1") == 2 + 6


def test_a_page_in_place_of_the_annotation_is_refused(stub, reply, service_at, tmp_path):
    stub.script["/data/f-1"] = [reply(body=b"<html>sorry</html>")]
    with pytest.raises(NetworkError, match=r"annotation f-1: .*page"):
        fetch_gtf(service_at(stub.url), "f-1", MD5, tmp_path / "a.gtf.gz")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("answer", [[], [{"id": "f-2", "md5": MD5}], {"message": "no"}, [{"id": "f-1"}]])
def test_an_answer_without_a_digest_is_refused(stub, reply, service_at, answer):
    stub.script["/files/versions/f-1"] = [reply(body=json.dumps(answer).encode())]
    with pytest.raises(NetworkError, match=r"versions of f-1: .*md5"):
        stated_md5(service_at(stub.url), "f-1")


def test_the_stated_digest_is_that_of_the_file_itself(stub, reply, service_at):
    row = {"id": "f-1", "md5": MD5, "latest_md5": "0" * 32}
    stub.script["/files/versions/f-1"] = [reply(body=json.dumps([row]).encode())]
    assert stated_md5(service_at(stub.url), "f-1") == MD5
