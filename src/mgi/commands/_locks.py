"""A lock of any source, for the commands that serve all of them.

Not a command (the leading underscore hides it from the command line).
"""

from typing import TypeVar

from mgi.core.errors import BadInputError
from mgi.core.files import read_json
from mgi.sources.lock import ExpressionLock, ImageLock, read_lock

L = TypeVar("L", ExpressionLock, ImageLock)


def any_lock(path: str, cls: type[L]) -> L:
    """The checked lock, whatever its source."""
    given = read_json(path)
    if not isinstance(given, dict) or not isinstance(given.get("source"), str):
        raise BadInputError(f"{path}: source: missing, expected a lock")
    return read_lock(path, cls, source=given["source"])
