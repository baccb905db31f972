"""Zips that were made to hurt: bombs, hostile names, members that share their bytes."""

import io
import stat
import struct
import tracemalloc
import warnings
import zipfile
import zlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mgi.core.zips import DamagedZipError, UnsafeZipError, ZipLimits, opened_zip, read_member

LOCAL, DIRECTORY = b"PK\x03\x04", b"PK\x01\x02"


def packed(members: Mapping[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytearray:
    buffer = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(buffer, "w", compression) as archive:
        warnings.simplefilter("ignore")  # repeated names
        for name, data in members.items():
            archive.writestr(name, data)
    return bytearray(buffer.getvalue())


def entry(content: bytearray, number: int) -> int:
    """Where the directory entry of a member begins."""
    place = -1
    for _ in range(number + 1):
        place = content.index(DIRECTORY, place + 1)
    return place


def read_all(path: Path, content: bytes, **options) -> dict[str, bytes]:
    file = path / "x.zip"
    file.write_bytes(content)
    with opened_zip(file, **options) as archive:
        return {info.filename: read_member(archive, info, label="x") for info in archive.infolist()}


def test_an_honest_zip_is_read(tmp_path: Path) -> None:
    members = {"a/1.tif": b"one" * 1000, "a/2.tif": b"", "LICENSE": b"text"}
    assert read_all(tmp_path, packed(members)) == members
    assert read_all(tmp_path, packed(members, zipfile.ZIP_STORED)) == members


@pytest.mark.parametrize("content", [b"", b"<html>busy</html>", b"PK\x03\x04cut", bytes(100)])
def test_what_is_no_zip_is_damage(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(DamagedZipError, match=r"x\.zip: truncated"):
        read_all(tmp_path, content)


@pytest.mark.parametrize("zip64", [False, True])
def test_a_directory_of_millions_of_members_is_refused_before_it_is_read(tmp_path: Path, zip64: bool) -> None:
    directory = bytearray(packed({"a": b""}))
    at, end = directory.index(DIRECTORY), directory.index(b"PK\x05\x06")
    entries, size = bytes(directory[at:end]) * 500_000, (end - at) * 500_000
    record = struct.pack("<4sQ2H2L4Q", b"PK\x06\x06", 44, 45, 45, 0, 0, 500_000, 500_000, size, at)
    locator = struct.pack("<4sLQL", b"PK\x06\x07", 0, at + size, 1)
    last = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, 1, 1, 0xFFFFFFFF if zip64 else size, at, 0)
    path = tmp_path / "x.zip"
    path.write_bytes(bytes(directory[:at]) + entries + (record + locator if zip64 else b"") + last)
    tracemalloc.start()
    try:
        with pytest.raises(UnsafeZipError, match=r"x\.zip: a directory of \d+ bytes"), opened_zip(path):
            pass
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()


def test_a_missing_file_is_no_damage(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), opened_zip(tmp_path / "nowhere.zip"):
        pass


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    whole = packed({"1.dcm": bytes(range(256)), "2.dcm": b"abc"})
    for length in range(len(whole)):
        with pytest.raises(DamagedZipError):
            read_all(tmp_path, whole[:length])


def test_a_broken_checksum_names_the_member(tmp_path: Path) -> None:
    content = packed({"1.dcm": b"abcdef"}, zipfile.ZIP_STORED).replace(b"abcdef", b"abcdeg")
    with pytest.raises(DamagedZipError, match=r"^x: .*'1\.dcm'.* damaged"):
        read_all(tmp_path, content)


def test_sizes_counts_and_ratio_are_limited(tmp_path: Path) -> None:
    content = packed({"1.dcm": bytes(100_000), "2.dcm": b"abc"})
    for limits, message in (
        (ZipLimits(members=1), r"x\.zip: 2 .* 1$"),
        (ZipLimits(total_bytes=100_000), r"x\.zip: .*100003.*100000$"),
        (ZipLimits(member_bytes=99_999), r"'1\.dcm': 100000.*99999"),
        (ZipLimits(ratio=50), r"'1\.dcm': .*50:1"),
    ):
        with pytest.raises(UnsafeZipError, match=message):
            read_all(tmp_path, content, limits=limits)


def test_one_member_too_many_is_refused(tmp_path: Path) -> None:
    assert len(read_all(tmp_path, packed({f"{n}.dcm": b"" for n in range(5_000)}))) == 5_000
    with pytest.raises(UnsafeZipError, match=r"x\.zip: 5001 .*5000"):
        read_all(tmp_path, packed({f"{n}.dcm": b"" for n in range(5_001)}))


def test_a_directory_that_claims_gigabytes_is_refused(tmp_path: Path) -> None:
    content = packed({"1.dcm": b"x"})
    struct.pack_into("<I", content, entry(content, 0) + 24, 3 << 30)
    with pytest.raises(UnsafeZipError, match=r"x\.zip: .*3221225472.*2147483648"):
        read_all(tmp_path, content)


def test_a_stream_that_is_longer_than_it_claims_is_not_inflated(tmp_path: Path) -> None:
    """Eighty megabytes in eighty kilobytes, which the directory calls one kilobyte."""
    content = packed({"1.dcm": bytes(80 << 20)})
    for header, place in ((entry(content, 0), 24), (content.index(LOCAL), 22)):
        struct.pack_into("<I", content, header + place, 1_000)
    struct.pack_into("<I", content, entry(content, 0) + 16, zlib.crc32(bytes(1_000)))
    tracemalloc.start()
    try:
        with pytest.raises(DamagedZipError, match=r"'1\.dcm'.*1001.*1000"):
            read_all(tmp_path, content)
        assert tracemalloc.get_traced_memory()[1] < 4 << 20
    finally:
        tracemalloc.stop()


def test_a_member_without_its_own_header_end_or_key_is_damaged(tmp_path: Path) -> None:
    whole = packed({"1.dcm": bytes(range(256)) * 40})
    for what, place, value in (
        (r"'1\.dcm'.*\(no ", 0, b"XX"),
        (r"'1\.dcm'.*name", 30, b"2"),
        ("encrypted", entry(whole, 0) + 8, b"\x01"),
        ("Bad CRC", entry(whole, 0) + 16, b"\0\0"),
    ):
        content = bytearray(whole)
        content[place : place + len(value)] = value
        with pytest.raises(DamagedZipError, match=what):
            read_all(tmp_path, content)


def test_threads_may_read_one_zip(tmp_path: Path) -> None:
    members = {f"{n}.dcm": bytes([n]) * 50_000 for n in range(40)}
    (tmp_path / "x.zip").write_bytes(packed(members))
    with opened_zip(tmp_path / "x.zip") as archive, ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda info: (info.filename, read_member(archive, info, label="x")), archive.infolist())
        assert dict(found) == members


@pytest.mark.parametrize("compression", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_methods_that_inflate_without_a_limit_are_refused(tmp_path: Path, compression: int) -> None:
    with pytest.raises(UnsafeZipError, match=r"'1\.dcm': .*method (12|14)"):
        read_all(tmp_path, packed({"1.dcm": bytes(1_000)}, compression))


def test_members_that_share_their_bytes_are_refused(tmp_path: Path) -> None:
    content = packed({"1.dcm": b"abc", "2.dcm": b"def"}, zipfile.ZIP_STORED)
    struct.pack_into("<I", content, entry(content, 1) + 42, 0)  # the second entry points at the first one's bytes
    with pytest.raises(UnsafeZipError, match=r"'2\.dcm'.* overlaps"):
        read_all(tmp_path, content)


def test_a_member_that_runs_into_the_directory_is_refused(tmp_path: Path) -> None:
    content = packed({"1.dcm": b"abc" * 20}, zipfile.ZIP_STORED)
    for place in (20, 24):  # packed and unpacked size
        struct.pack_into("<I", content, entry(content, 0) + place, 150)
    with pytest.raises(UnsafeZipError, match=r"x\.zip: .*directory"):
        read_all(tmp_path, content)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../evil.dcm", r"x\.zip: member .*path"),
        ("a/../../evil.dcm", r"x\.zip: member .*path"),
        ("/etc/evil.dcm", r"x\.zip: member .*path"),
        ("..\\evil.dcm", r"x\.zip: member .*path"),
        ("..", r"x\.zip: member .*path"),
        ("n" * 300 + ".dcm", r"x\.zip: member .*255"),
        ("ü" * 128, r"x\.zip: member .*255"),
    ],
)
def test_hostile_names_are_refused(tmp_path: Path, name: str, why: str) -> None:
    with pytest.raises(UnsafeZipError, match=why):
        read_all(tmp_path, packed({name: b"x"}))


@pytest.mark.parametrize("name", ["a/1.dcm", "a\\1.dcm"])
def test_folders_are_refused_where_names_are_to_be_bare(tmp_path: Path, name: str) -> None:
    assert len(read_all(tmp_path, packed({name: b"x"}))) == 1
    with pytest.raises(UnsafeZipError, match="bare"):
        read_all(tmp_path, packed({name: b"x"}), bare_names=True)


def test_a_name_with_a_nul_is_refused(tmp_path: Path) -> None:
    content = packed({"1.dcm_.exe": b"x"}).replace(b"1.dcm_.exe", b"1.dcm\0.exe")
    with pytest.raises(UnsafeZipError, match=r"'1\.dcm': .*NUL"):
        read_all(tmp_path, content)


def test_a_name_that_is_listed_twice_is_refused(tmp_path: Path) -> None:
    content = packed({"1.dcm": b"x", "2.dcm": b"y"}).replace(b"2.dcm", b"1.dcm")
    with pytest.raises(UnsafeZipError, match=r"'1\.dcm': .*twice"):
        read_all(tmp_path, content)


def test_a_link_is_refused(tmp_path: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        link = zipfile.ZipInfo("1.dcm")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")
    with pytest.raises(UnsafeZipError, match=r"'1\.dcm': .*link"):
        read_all(tmp_path, buffer.getvalue())


def test_an_encrypted_member_is_named(tmp_path: Path) -> None:
    content = packed({"1.dcm": b"abc"})
    content[entry(content, 0) + 8] |= 1
    content[content.index(LOCAL) + 6] |= 1
    with pytest.raises(DamagedZipError, match=r"'1\.dcm'.*encrypted"):
        read_all(tmp_path, content)
