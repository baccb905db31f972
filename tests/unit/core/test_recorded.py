import hashlib

import pytest

from mgi.core.errors import BadInputError
from mgi.core.recorded import faults_of, recorded

CONTENT = b"what was verified"
MD5, SHA256 = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.tsv").write_bytes(CONTENT)
    return tmp_path / "a.tsv"


@pytest.mark.parametrize("digests", [{"sha256": SHA256}, {"sha256": None, "md5": MD5}, {"sha256": SHA256, "md5": "x"}])
def test_a_file_is_what_its_strongest_digest_says(path, digests):
    one = recorded(path, size=len(CONTENT), **digests)
    assert one.fault() is None
    path.write_bytes(CONTENT[::-1])
    assert (
        one.fault()
        == f"{path}: {one.algorithm} {hashlib.new(one.algorithm, CONTENT[::-1]).hexdigest()}, recorded {one.digest}"
    )


def test_a_file_without_recorded_size_is_judged_by_its_digest(path):
    one = recorded(path, size=None, sha256=SHA256)
    assert one.fault() is None
    path.write_bytes(CONTENT + b"!")
    assert "sha256" in one.fault()


def test_another_size_and_a_lost_file_are_told_apart(path):
    one = recorded(path, size=len(CONTENT), sha256=SHA256)
    path.write_bytes(CONTENT + b"!")
    assert one.fault() == f"{path}: 18 bytes, recorded 17"
    path.unlink()
    assert one.fault() == f"{path}: missing"


def test_every_fault_is_told_in_the_order_of_the_files(tmp_path):
    files = []
    for n in range(20):
        (tmp_path / f"{n:02}").write_bytes(CONTENT if n % 3 else b"")
        files.append(recorded(tmp_path / f"{n:02}", size=None, sha256=SHA256))
    faults = faults_of(files, threads=4)
    assert [fault.split(": ")[0] for fault in faults] == [str(tmp_path / f"{n:02}") for n in range(0, 20, 3)]


def test_a_record_without_a_digest_is_refused(path):
    with pytest.raises(BadInputError, match=r"a\.tsv: .*md5.*sha256"):
        recorded(path, size=1, sha256=None)
