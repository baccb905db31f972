"""Which members of a series' archive are read, and which archives are refused."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.flair.dicom import read_dicom_members

ZipOf = Callable[..., Path]


def test_dicom_members_come_in_order_of_name_and_others_are_ignored(tmp_path: Path, zip_of: ZipOf) -> None:
    path = zip_of({"LICENSE": b"x", "2.dcm": b"two", "1.DCM": b"one", "md5hashes.csv": b""}, tmp_path / "s.zip")
    assert list(read_dicom_members(path)) == [("1.DCM", b"one"), ("2.dcm", b"two")]


def test_an_archive_without_dicom_is_refused(tmp_path: Path, zip_of: ZipOf) -> None:
    with pytest.raises(BadInputError, match=r"s\.zip: .*no \.dcm"):
        list(read_dicom_members(zip_of({"LICENSE": b"x"}, tmp_path / "s.zip")))


@pytest.mark.parametrize("content", [b"", b"<html>busy</html>", b"PK\x03\x04cut"])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "s.zip"
    path.write_bytes(content)
    with pytest.raises(BadInputError, match=r"s\.zip: truncated"):
        list(read_dicom_members(path))


def test_a_broken_checksum_names_the_member(tmp_path: Path, zip_of: ZipOf) -> None:
    path = zip_of({"1.dcm": b"abcdef"}, tmp_path / "s.zip", zipfile.ZIP_STORED)
    path.write_bytes(path.read_bytes().replace(b"abcdef", b"abcdeg"))
    with pytest.raises(BadInputError, match=r"s\.zip: member '1\.dcm' .*damaged"):
        list(read_dicom_members(path))


def test_what_is_unsafe_is_refused(tmp_path: Path, zip_of: ZipOf) -> None:
    with pytest.raises(BadInputError, match=r"s\.zip: member '\.\./1\.dcm': "):
        list(read_dicom_members(zip_of({"../1.dcm": b"x"}, tmp_path / "s.zip")))
