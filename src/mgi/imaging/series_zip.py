"""Members of a downloaded series archive, one by one and never extracted to a path."""

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mgi.core.errors import BadInputError

MAX_MEMBERS = 5_000
MAX_TOTAL_BYTES = 2 << 30
MAX_MEMBER_BYTES = 512 << 20
MAX_RATIO = 1_100  # deflate reaches 1,028:1 on zeros; more than that is an attack
_LOCAL_HEADER_BYTES = 30


def read_dicom_members(path: Path | str) -> Iterator[tuple[str, bytes]]:
    """Yield (name, bytes) of every `.dcm` member, in order of name; other members (LICENSE, md5 lists) are ignored.

    Sizes are checked before anything is inflated, CRCs while it is.
    Raises BadInputError where the archive is not a plain zip of files of sane size, or has no such member.
    """
    with opened_zip(path) as archive:
        members = sorted(
            (info for info in archive.infolist() if info.filename.lower().endswith(".dcm")),
            key=lambda info: info.filename,
        )
        if not members:
            raise BadInputError(f"{path}: no .dcm member, expected a series of DICOM files")
        for info in members:
            yield info.filename, read_member(archive, info, path)


@contextmanager
def opened_zip(
    path: Path | str, *, max_members: int = MAX_MEMBERS, max_total_bytes: int = MAX_TOTAL_BYTES
) -> Iterator[zipfile.ZipFile]:
    """A zip whose directory passed the checks of size, ratio and overlap.

    Raises BadInputError where it did not.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise BadInputError(f"{path}: not a zip archive ({error})") from None
    with archive:
        infos = archive.infolist()
        if len(infos) > max_members:
            raise BadInputError(f"{path}: {len(infos)} members, expected at most {max_members}")
        total = sum(info.file_size for info in infos)
        if total > max_total_bytes:
            raise BadInputError(f"{path}: {total} bytes uncompressed, expected at most {max_total_bytes}")
        _check_members(infos, path)
        yield archive


def read_member(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: Path | str) -> bytes:
    """The bytes of one member, its CRC verified."""
    try:
        return archive.read(info)
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError) as error:
        raise BadInputError(f"{path}: member {info.filename}: unreadable ({error})") from None


def _check_members(infos: list[zipfile.ZipInfo], path: Path | str) -> None:
    end = 0
    for info in sorted(infos, key=lambda info: info.header_offset):
        if info.file_size > MAX_MEMBER_BYTES:
            raise BadInputError(f"{path}: member {info.filename}: {info.file_size} bytes, expected at most 512 MB")
        if info.file_size > MAX_RATIO * max(info.compress_size, 1):
            raise BadInputError(f"{path}: member {info.filename}: compressed more than {MAX_RATIO}:1")
        if info.header_offset < end:
            raise BadInputError(f"{path}: member {info.filename}: overlaps another member")
        end = info.header_offset + _LOCAL_HEADER_BYTES + info.compress_size
