"""A user's own file in place of an archive: named, and pinned by size and digest."""

from pathlib import Path

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import sha256_of
from mgi.locks.lock import Table


def table_of(path: Path) -> Table:
    """Name, size and SHA-256 of a file; the name without its folder, which differs between machines."""
    return Table(name=path.name, sha256=sha256_of(path), size=path.stat().st_size)


def check_table(path: Path, locked: Table | None) -> Table:
    """The file's identity, which must be the locked one whatever its name is here.

    Raises IntegrityError where size or digest differ, BadInputError where the lock names no file.
    """
    if locked is None:
        raise BadInputError(f"{path}: the lock names no table, expected its sha256 and size")
    size = path.stat().st_size
    found = table_of(path) if size == locked.size else None
    if found is None or found.sha256 != locked.sha256:
        digest = found.sha256 if found else "another"
        raise IntegrityError(
            f"{path}: {size} bytes, sha256 {digest}; the lock was made from {locked.name}, {locked.size} bytes, sha256 "
            f"{locked.sha256}: make the lock again"
        )
    return found
