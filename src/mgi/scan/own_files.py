"""Folders and files that nobody but this user can have written: what a library is loaded from runs as this user.

Both are judged by the handle that is then used, so a name that changes in between leads nowhere else.
"""

import ctypes
import hashlib
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HANDLES = Path("/proc/self/fd")
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


class NotOwnError(Exception):
    """Somebody else may have written it; the message says who, in one line."""


@contextmanager
def own_folder(path: Path) -> Iterator[int]:
    """A handle of the folder, which is made where it is missing, and closed to all others (0700).

    A link is followed: what counts is the folder that it leads to. Raises NotOwnError, and OSError where it cannot be
    made or read.
    """
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _require_own(handle, path)
        os.fchmod(handle, 0o700)
        yield handle
    finally:
        os.close(handle)


def open_own_file(folder: int, path: Path) -> int:
    """A handle of the file with this name in an open folder; the caller closes it.

    Raises NotOwnError, also for a link: no build of ours makes one.
    """
    try:
        handle = os.open(path.name, os.O_RDONLY | os.O_NOFOLLOW, dir_fd=folder)
    except OSError as error:
        if (path.parent / path.name).is_symlink():
            raise NotOwnError(f"{path} is a link, expected a file") from None
        raise error
    try:
        _require_own(handle, path)
    except NotOwnError:
        os.close(handle)
        raise
    return handle


def digest_of_handle(handle: int) -> str:
    """SHA-256 of an open file from its beginning."""
    with os.fdopen(os.dup(handle), "rb") as source:
        source.seek(0)
        return hashlib.file_digest(source, "sha256").hexdigest()


def library_of_handle(handle: int, path: Path) -> ctypes.CDLL:
    """The library of the open file; its handle must stay open.

    The loader knows a library by its name: a handle that is given away again would be taken for the first one.
    """
    opened = HANDLES / str(handle)
    return ctypes.CDLL(str(opened if opened.exists() else path))


def _require_own(handle: int, path: Path) -> None:
    found = os.fstat(handle)
    mode = stat.S_IMODE(found.st_mode)
    if found.st_uid != os.geteuid():
        raise NotOwnError(f"{path} belongs to {_name_of(found.st_uid)}, expected {_name_of(os.geteuid())}")
    if mode & OTHERS_WRITE:
        raise NotOwnError(f"others may write to {path} (mode {mode:04o}), expected {mode & ~OTHERS_WRITE:04o}")


def _name_of(user: int) -> str:
    try:
        return f"user {pwd.getpwuid(user).pw_name}"
    except KeyError:  # a user of another machine
        return f"user {user}"
