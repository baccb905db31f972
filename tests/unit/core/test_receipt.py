import hashlib
import json
import os
import shutil

import pytest

from mgi.core.errors import BadInputError
from mgi.core.receipt import RecordedFile, faults_of, forget, read_receipt, receipt_of, write_receipt

CONTENT = b"what was verified"
MD5, SHA256 = hashlib.md5(CONTENT).hexdigest(), hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def verified(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_bytes(b"content")
    write_receipt(path, {"md5": "1"})
    return path


def never(facts):
    raise AssertionError("the file was read again")


def test_an_untouched_file_is_trusted_unread(verified):
    assert read_receipt(verified, never) == {"md5": "1"}


def test_a_copied_file_is_read_once_more(verified, tmp_path):
    copied = tmp_path / "copy" / "a.tsv"
    copied.parent.mkdir()
    shutil.copy(verified, copied)
    shutil.copy(receipt_of(verified), receipt_of(copied))
    asked = []
    assert read_receipt(copied, lambda facts: not asked.append(facts)) == {"md5": "1"}
    assert asked == [{"md5": "1"}]
    assert read_receipt(copied, never) == {"md5": "1"}


def test_a_file_replaced_with_the_old_time_is_read_again(verified, tmp_path):
    status = verified.stat()
    other = tmp_path / "other"
    other.write_bytes(b"CONTENT")
    os.utime(other, ns=(status.st_atime_ns, status.st_mtime_ns))
    other.replace(verified)
    assert read_receipt(verified, lambda facts: False) is None


def test_another_size_needs_no_reading(verified):
    verified.write_bytes(b"longer content")
    assert read_receipt(verified, never) is None


@pytest.mark.parametrize("text", ["", "{", "[1]", "{}", '{"size": 7}', "\xff"])
def test_a_damaged_receipt_proves_nothing(verified, text):
    receipt_of(verified).write_text(text)
    assert read_receipt(verified, never) is None


def test_nothing_is_known_of_an_absent_file(verified):
    forget(verified)
    assert read_receipt(verified, never) is None
    write_receipt(verified, {"md5": "1"})
    verified.unlink()
    assert read_receipt(verified, never) is None
    forget(verified)
    forget(verified)


@pytest.fixture
def path(tmp_path):
    (tmp_path / "a.tsv").write_bytes(CONTENT)
    return tmp_path / "a.tsv"


@pytest.mark.parametrize("digests", [{"sha256": SHA256}, {"sha256": None, "md5": MD5}, {"sha256": SHA256, "md5": "x"}])
def test_a_file_is_what_its_strongest_digest_says(path, digests):
    one = RecordedFile(path, size=len(CONTENT), **digests)
    assert one.fault() is None
    path.write_bytes(CONTENT[::-1])
    name = "md5" if digests["sha256"] is None else "sha256"
    assert one.fault() == f"{path}: {name} {hashlib.new(name, CONTENT[::-1]).hexdigest()}, recorded {digests[name]}"


def test_a_file_without_recorded_size_is_judged_by_its_digest(path):
    one = RecordedFile(path, size=None, sha256=SHA256)
    assert one.fault() is None
    path.write_bytes(CONTENT + b"!")
    assert "sha256" in one.fault()


def test_another_size_and_a_lost_file_are_told_apart(path):
    one = RecordedFile(path, size=len(CONTENT), sha256=SHA256)
    path.write_bytes(CONTENT + b"!")
    assert one.fault() == f"{path}: 18 bytes, recorded 17"
    path.unlink()
    assert one.fault() == f"{path}: missing"


def test_every_fault_is_told_in_the_order_of_the_files(tmp_path):
    files = []
    for n in range(20):
        (tmp_path / f"{n:02}").write_bytes(CONTENT if n % 3 else b"")
        files.append(RecordedFile(tmp_path / f"{n:02}", size=None, sha256=SHA256))
    faults = faults_of(files, threads=4)
    assert [fault.split(": ")[0] for fault in faults] == [str(tmp_path / f"{n:02}") for n in range(0, 20, 3)]


def test_a_record_without_a_digest_is_refused(path):
    with pytest.raises(BadInputError, match=r"a\.tsv: .*md5.*sha256"):
        RecordedFile(path, size=1, sha256=None)


def test_a_receipt_with_a_flipped_bit_proves_nothing(verified):
    receipt = receipt_of(verified)
    whole = receipt.read_bytes()
    for place in range(len(whole)):
        receipt.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        assert read_receipt(verified, never) is None


def test_a_receipt_of_an_older_version_is_believed_so_that_nothing_is_fetched_again(verified):
    receipt = receipt_of(verified)
    plain = json.loads(receipt.read_text())
    receipt.write_text(json.dumps({name: value for name, value in plain.items() if name != "content_sha256"}) + "\n")
    assert read_receipt(verified, never) == {"md5": "1"}
