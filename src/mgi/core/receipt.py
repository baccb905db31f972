"""A receipt lies beside each verified file, so that a second run neither asks a service nor reads the bytes again.

It is trusted while size, modification time and inode of the file are the recorded ones; `mgi verify` trusts none.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

_IDENTITY = ("size", "mtime_ns", "inode")


def receipt_of(path: Path) -> Path:
    """Where the receipt of a file lies: the same name, ending in `.json`."""
    return path.with_suffix(".json")


def write_receipt(path: Path, facts: Mapping[str, Any]) -> None:
    """Record what was verified about the file at `path`.

    Not synced to disk: a receipt that a power cut takes away costs one more reading of the file.
    """
    target = receipt_of(path)
    part = target.with_name(f".{target.name}.part")
    part.write_text(json.dumps({**facts, **_identity(path)}, sort_keys=True) + "\n", encoding="utf-8")
    part.replace(target)


def read_receipt(path: Path, is_same: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any] | None:
    """What was verified about a file, None where there is no receipt or the file is not that file any more.

    `is_same` reads the file and compares it with the facts; it is asked where the file has the recorded size but
    another time or inode, as after a copy of the folder.
    """
    try:
        known = json.loads(receipt_of(path).read_text(encoding="utf-8"))
        now = _identity(path)
        recorded = {name: known.pop(name) for name in _IDENTITY}
    except (OSError, ValueError, AttributeError, KeyError, TypeError):
        return None  # an unreadable receipt proves nothing
    if recorded["size"] != now["size"]:
        return None
    if recorded != now:
        if not is_same(known):
            return None
        write_receipt(path, known)
    return dict(known)


def forget(path: Path) -> None:
    """Remove the receipt of a file that is about to be replaced."""
    receipt_of(path).unlink(missing_ok=True)


def _identity(path: Path) -> dict[str, int]:
    status = path.stat()
    return {"size": status.st_size, "mtime_ns": status.st_mtime_ns, "inode": status.st_ino}
