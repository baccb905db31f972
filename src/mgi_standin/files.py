"""Files that are either complete or absent."""

import errno
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mgi_standin.errors import ResourceError, line_of

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def atomic_path(target: Path) -> Iterator[Path]:
    """Yield a temporary sibling of `target`, synced and moved into place only if the block succeeds."""
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    try:
        yield part
        with part.open("rb") as written:
            os.fsync(written.fileno())
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def write_json(target: Path, value: Any) -> None:
    """Write sorted, indented JSON, so that equal values give equal bytes."""
    with atomic_path(target) as part:
        part.write_text(json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")


@contextmanager
def full_disk_named(target: Path) -> Iterator[None]:
    """Turn a full disk into ResourceError with what was being written, however deep in a library it was met."""
    try:
        yield
    except Exception as error:
        cause: BaseException | None = error
        while cause is not None and not (isinstance(cause, OSError) and cause.errno in FULL):
            cause = cause.__context__
        if cause is None:
            raise
        raise ResourceError(f"{target}: {line_of(cause)}; make room and run again") from None
