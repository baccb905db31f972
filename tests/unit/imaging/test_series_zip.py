import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mgi.core.errors import BadInputError
from mgi.imaging import series_zip
from mgi.imaging.series_zip import opened_zip, read_dicom_members, read_member

ZipOf = Callable[..., Path]


def test_dicom_members_come_in_order_of_name_and_others_are_ignored(tmp_path: Path, zip_of: ZipOf) -> None:
    path = zip_of({"LICENSE": b"x", "2.dcm": b"two", "1.DCM": b"one", "md5hashes.csv": b""}, tmp_path / "s.zip")
    assert list(read_dicom_members(path)) == [("1.DCM", b"one"), ("2.dcm", b"two")]


def test_an_archive_without_dicom_is_refused(tmp_path: Path, zip_of: ZipOf) -> None:
    with pytest.raises(BadInputError, match=r"no \.dcm member"):
        list(read_dicom_members(zip_of({"LICENSE": b"x"}, tmp_path / "s.zip")))


@pytest.mark.parametrize("content", [b"", b"<html>busy</html>", b"PK\x03\x04cut"])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.zip"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match="not a zip"):
        list(read_dicom_members(path))


def test_a_broken_checksum_names_the_member(tmp_path: Path, zip_of: ZipOf) -> None:
    path = zip_of({"1.dcm": b"abcdef"}, tmp_path / "s.zip", zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"abcdef", b"abcdeg"))
    with pytest.raises(BadInputError, match=r"1\.dcm: unreadable"):
        list(read_dicom_members(path))


def test_a_bomb_is_refused_before_it_is_inflated(
    tmp_path: Path, zip_of: ZipOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zip_of({"1.dcm": bytes(100_000)}, tmp_path / "s.zip")
    monkeypatch.setattr(series_zip, "MAX_RATIO", 50)
    with pytest.raises(BadInputError, match="compressed more than 50:1"):
        list(read_dicom_members(path))


def test_sizes_and_counts_are_limited(tmp_path: Path, zip_of: ZipOf, monkeypatch: pytest.MonkeyPatch) -> None:
    path = zip_of({"1.dcm": b"abc", "2.dcm": b"def"}, tmp_path / "s.zip")
    with pytest.raises(BadInputError, match="2 members, expected at most 1"), opened_zip(path, max_members=1):
        pass
    with pytest.raises(BadInputError, match="6 bytes uncompressed"), opened_zip(path, max_total_bytes=5):
        pass
    monkeypatch.setattr(series_zip, "MAX_MEMBER_BYTES", 2)
    with pytest.raises(BadInputError, match=r"1\.dcm: 3 bytes"):
        list(read_dicom_members(path))


def test_overlapping_members_are_refused(tmp_path: Path, zip_of: ZipOf) -> None:
    path = zip_of({"1.dcm": b"abc", "2.dcm": b"def"}, tmp_path / "s.zip", zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    second = data.rindex(b"PK\x01\x02")
    struct.pack_into("<I", data, second + 42, 0)  # the second entry points at the first one's bytes
    path.write_bytes(bytes(data))
    with pytest.raises(BadInputError, match="overlaps"):
        list(read_dicom_members(path))


def test_a_single_member_is_read_through_its_checksum(tmp_path: Path, zip_of: ZipOf) -> None:
    path = zip_of({"a.tif": b"abc"}, tmp_path / "s.zip")
    with opened_zip(path) as archive:
        assert read_member(archive, archive.getinfo("a.tif"), path) == b"abc"
