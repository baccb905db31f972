"""A lock of any source, for the commands that serve all of them.

Not a command (the leading underscore hides it from the command line).
"""

from typing import TypeVar

from mgi.sources.lock import ExpressionLock, ImageLock, read_lock

L = TypeVar("L", ExpressionLock, ImageLock)


def any_lock(path: str, cls: type[L]) -> L:
    """The checked lock, whatever its source."""
    return read_lock(path, cls)
