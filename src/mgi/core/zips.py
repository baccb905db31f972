"""Zips from elsewhere: judged by their directory before a byte is inflated, read member by member, never unpacked.

A member's name is a label and never becomes a path; hostile names are refused all the same.
"""

import stat
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from isal import igzip_lib, isal_zlib

from mgi.core.errors import BadInputError

LOCAL_HEADER_BYTES = 30  # of each member, before its name and bytes
DIRECTORY_BYTES = 1_024  # of a member's entry in the directory, on average: its name is written there
_END_BYTES = 76 + 22 + 65_535  # the last records of a zip, the longest comment with them
MAX_NAME_BYTES = 255  # of each part of a name, as on every file system
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # the others inflate without a limit
_READING = threading.Lock()  # threads may share an open zip, and it has one place to read at
_ENCRYPTED, _UTF8 = 0x1, 0x800  # flag bits of a member
_IsalError = cast(type[Exception], igzip_lib.IsalError)  # its stub says instance
_BROKEN = (
    zipfile.BadZipFile, zlib.error, _IsalError, EOFError, RuntimeError, ValueError, struct.error, OverflowError
)  # fmt: skip


class DamagedZipError(BadInputError):
    """Cut, overwritten, or no zip at all: another copy may be whole."""


class UnsafeZipError(BadInputError):
    """Made to be too large, or with names that no honest archive has: no other copy is better."""


@dataclass(frozen=True, kw_only=True)
class ZipLimits:
    """What is accepted; `ratio` is of inflated to packed bytes."""

    members: int = 5_000
    total_bytes: int = 2 << 30
    member_bytes: int = 512 << 20
    ratio: int = 1_100  # deflate of zeros reaches 1,028


@contextmanager
def opened_zip(
    path: Path | str, *, limits: ZipLimits | None = None, label: str | None = None, bare_names: bool = False
) -> Iterator[zipfile.ZipFile]:
    """A zip that may be read; `label` names it in messages, else its path; `bare_names` also refuses folders.

    Raises DamagedZipError where it is no whole zip, and UnsafeZipError for too many members or bytes, a bomb's ratio,
    overlapping members, repeated or hostile names, links and methods other than deflate.
    """
    label = str(path) if label is None else label
    limits = limits or ZipLimits()
    _refuse_large_directory(Path(path), label, limits)
    with _named_damage(label, "truncated or not a zip"):
        archive = zipfile.ZipFile(path)
    with archive:
        _refuse_unsafe(archive, label, limits, bare=bare_names)
        yield archive


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, *, label: str) -> bytes:
    """The bytes of one member, its CRC verified; no more is inflated than its directory entry says.

    Raises DamagedZipError naming the member.
    """
    with _named_damage(label, f"member {info.filename!r} is damaged"):
        packed = _packed_bytes(archive, info)
        data = packed if info.compress_type == zipfile.ZIP_STORED else _inflated(packed, info.file_size)
        if len(data) != info.file_size:
            raise zipfile.BadZipFile(f"{len(data)} bytes, expected {info.file_size}")
        if isal_zlib.crc32(data) != info.CRC:
            raise zipfile.BadZipFile("Bad CRC-32")
        return data


def _packed_bytes(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    """A member as it is stored, after its local header; zipfile inflates at half the speed of ISA-L."""
    stored = archive.fp
    assert stored is not None, "the zip is open"
    if info.flag_bits & _ENCRYPTED:
        raise zipfile.BadZipFile("encrypted")
    with _READING:
        stored.seek(info.header_offset)
        header = stored.read(LOCAL_HEADER_BYTES)
        if len(header) < LOCAL_HEADER_BYTES or not header.startswith(b"PK\x03\x04"):
            raise zipfile.BadZipFile("no local header")
        name_bytes, extra_bytes = struct.unpack_from("<HH", header, 26)
        if stored.read(name_bytes) != info.orig_filename.encode("utf-8" if info.flag_bits & _UTF8 else "cp437"):
            raise zipfile.BadZipFile("its local header has another name")
        stored.seek(extra_bytes, 1)
        packed = stored.read(info.compress_size)
    if len(packed) != info.compress_size:
        raise EOFError(f"{len(packed)} packed bytes, expected {info.compress_size}")
    return packed


def _inflated(packed: bytes, size: int) -> bytes:
    """At most one byte more than `size`, so that a stream which holds more is noticed and not followed."""
    # isal_zlib's object would grow its buffer step by step, which costs a quarter of the time.
    stream = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_DEFLATE, hist_bits=isal_zlib.MAX_WBITS)
    data = stream.decompress(packed, size + 1)
    if len(data) == size and not stream.eof:
        raise EOFError("the stream has no end")
    return bytes(data)


def _refuse_large_directory(path: Path, label: str, limits: ZipLimits) -> None:
    """Before zipfile makes an object of every entry of the directory, which may be millions."""
    with path.open("rb") as source:
        source.seek(max(0, path.stat().st_size - _END_BYTES))
        tail = source.read()
    at = tail.rfind(b"PK\x05\x06")
    if not 0 <= at <= len(tail) - 22:
        return  # zipfile says that it is none
    sizes = [*struct.unpack_from("<L", tail, at + 12)]
    if at >= 76 and tail[at - 20 : at].startswith(b"PK\x06\x07"):  # the 64-bit record lies before its locator
        sizes += struct.unpack_from("<Q", tail, at - 36)
    most = limits.members * DIRECTORY_BYTES
    if (size := max(size for size in sizes if size != 0xFFFFFFFF or len(sizes) == 1)) > most:
        raise UnsafeZipError(
            f"{label}: a directory of {size} bytes in the zip, expected at most {most} for {limits.members} members"
        )


def _refuse_unsafe(archive: zipfile.ZipFile, label: str, limits: ZipLimits, *, bare: bool) -> None:
    members = archive.infolist()
    if len(members) > limits.members:
        raise UnsafeZipError(f"{label}: {len(members)} members in the zip, expected at most {limits.members}")
    total = sum(info.file_size for info in members)
    if total > limits.total_bytes:
        raise UnsafeZipError(f"{label}: the zip unpacks to {total} bytes, expected at most {limits.total_bytes}")
    names: set[str] = set()
    for info in members:
        where = f"{label}: member {info.filename[:80]!r}"
        _check_name(info, where, bare=bare)
        if info.filename in names:
            raise UnsafeZipError(f"{where}: listed twice, expected unique names")
        names.add(info.filename)
        _check_size(info, where, limits)
    _refuse_overlaps(archive, members, label)


def _check_name(info: zipfile.ZipInfo, where: str, *, bare: bool) -> None:
    name = info.filename
    parts = name.replace("\\", "/").split("/")
    if "\0" in info.orig_filename:
        raise UnsafeZipError(f"{where}: has a NUL in its name")
    if parts[0] == "" or ".." in parts or name == "." or (bare and len(parts) > 1):
        expected = "a bare name" if bare else "one below the zip's own folder"
        raise UnsafeZipError(f"{where}: has a path in its name, expected {expected}")
    if max(len(part.encode("utf-8", "surrogateescape")) for part in parts) > MAX_NAME_BYTES:
        raise UnsafeZipError(f"{where}: has a name of more than {MAX_NAME_BYTES} bytes")
    if stat.S_ISLNK(info.external_attr >> 16):
        raise UnsafeZipError(f"{where}: is a link, expected a file")


def _check_size(info: zipfile.ZipInfo, where: str, limits: ZipLimits) -> None:
    if info.compress_type not in _METHODS:
        raise UnsafeZipError(f"{where}: compression method {info.compress_type}, expected stored or deflate")
    if info.file_size > limits.member_bytes:
        raise UnsafeZipError(f"{where}: {info.file_size} bytes, expected at most {limits.member_bytes}")
    if info.file_size > limits.ratio * max(info.compress_size, 1):
        raise UnsafeZipError(f"{where}: a zip bomb, compressed more than {limits.ratio}:1")


def _refuse_overlaps(archive: zipfile.ZipFile, members: list[zipfile.ZipInfo], label: str) -> None:
    end = 0
    for info in sorted(members, key=lambda info: info.header_offset):
        if info.header_offset < end:
            raise UnsafeZipError(f"{label}: member {info.filename!r} overlaps the one before it")
        end = info.header_offset + LOCAL_HEADER_BYTES + info.compress_size
    if end > archive.start_dir:
        raise UnsafeZipError(f"{label}: the last member overlaps the directory of the zip")


@contextmanager
def _named_damage(label: str, what: str) -> Iterator[None]:
    """Whatever broken bytes make zipfile raise, as one error; a disk that fails to read is not damage."""
    try:
        yield
    except _BROKEN as error:
        raise DamagedZipError(f"{label}: {what} ({error})") from None
    except OSError as error:
        if error.filename is not None or error.errno not in (None, 22):  # EINVAL: a seek to before the start
            raise
        raise DamagedZipError(f"{label}: {what} ({error})") from None
