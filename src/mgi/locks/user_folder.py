"""A folder of the user's in place of an archive: read where it lies, every file that is used pinned by its digest."""

import hashlib
import os
import re
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.file_kind import misplaced
from mgi.core.files import sha256_of
from mgi.locks.item import Item, Metadata
from mgi.locks.raw_index import RawEntry, entry_of

Members = tuple[tuple[str, str], ...]
_SHA256 = re.compile(r"^[0-9a-f]{64}$")


def present_folder(folder: Path | None, expected: str, *, key: str) -> Path:
    """The folder; ConfigError with the `key` of the config and what is expected there where it is absent."""
    found = "nothing" if folder is None else misplaced(folder, "folder")
    if folder is None or found is not None:
        raise ConfigError(f"{key}: found {found}, expected {expected}")
    return folder


def files_below(folder: Path) -> list[str]:
    """Every file at any depth as a relative path with `/`, sorted; hidden ones and linked folders are not entered.

    Raises BadInputError where a folder cannot be listed, a link leads nowhere or a name could not stand in a lock.
    """

    def stop(error: OSError) -> None:
        raise BadInputError(f"{error.filename}: {error.strerror}") from None

    found = []
    for parent, folders, names in os.walk(folder, onerror=stop):
        folders[:] = [name for name in folders if not name.startswith(".")]
        paths = [Path(parent, name) for name in names if not name.startswith(".")]
        if lost := [path for path in paths if path.is_symlink() and not path.exists()]:
            raise BadInputError(f"{lost[0]}: a link to what is not there")
        found += [path.relative_to(folder).as_posix() for path in paths if path.is_file()]  # no pipes, no devices
    for name in found:
        if not name.isprintable():
            raise BadInputError(f"{folder}: file {name!r} has characters that cannot be printed in its name")
    return sorted(found)


def digest_of(members: Members) -> str:
    """What pins an item: the SHA-256 of its only file, or of the list that `sha256sum` prints of several, by path."""
    if len(members) == 1:
        return members[0][1]
    lines = "".join(f"{sha256}  {name}\n" for name, sha256 in sorted(members))
    return hashlib.sha256(lines.encode()).hexdigest()


def hashed(folder: Path, names: Sequence[str]) -> Members:
    """The files with their digests, by path."""
    members = []
    for name in sorted(names):
        try:
            members.append((name, sha256_of(folder / name)))
        except OSError as error:
            raise BadInputError(f"{folder / name}: {error.strerror}") from None
    return tuple(members)


def pinned(item: Item, members: Members, folder: Path) -> Members:
    """The members, which must be those of the lock."""
    found = digest_of(members)
    if found != item.digest:
        raise IntegrityError(
            f"{folder}: {item.key}: {len(members)} files with digest {found}; the lock says {item.digest}: a file was "
            "changed, added or taken away, make the lock again"
        )
    return members


def entry_in_place(item: Item, members: Members, *, size: int, metadata: Metadata, rejected: str | None) -> RawEntry:
    """The index entry of an item that stays where it is."""
    return entry_of(
        item, path=None, size=size, sha256=digest_of(members), members=members, metadata=metadata, rejected=rejected
    )


def check_in_folder(item: Item) -> None:
    """Refuse a key that is no path inside of the folder, and an item that no digest pins."""
    path = PurePosixPath(item.key)
    inside = not path.is_absolute() and ".." not in path.parts and item.key == str(path) and item.key.isprintable()
    if not inside:
        raise BadInputError(f"items: key {item.key!r}, expected a path inside of the folder")
    check_pinned(item)


def check_pinned(item: Item) -> None:
    """Refuse an item of the user's folder without a digest."""
    if not _SHA256.match(item.digest or ""):
        raise BadInputError(f"items: {item.key}: digest {item.digest!r}, expected 64 hexadecimal digits")
