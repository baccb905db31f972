import os
import shutil

import pytest

from mgi.core.receipt import forget, read_receipt, receipt_of, write_receipt


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
