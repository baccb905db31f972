"""Whether `make demo` may remove Snakemake's lock on this checkout, from `python -m lib.stale_lock RESULTS`.

Exit code 0: RESULTS is not locked. 2: it may be held, and a line says by whom. 3: a run that is no more left the lock.
Removing takes away every lock of the checkout, so each must be of a run that is known to be no more.
"""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil  # type: ignore[import-untyped] # its stubs would be one more pin

from .results_lock import NAME, HeldError, read, why_held

FREE, HELD, STALE = 0, 2, 3
_HELD = Path(".snakemake/locks")


def verdict(folder: Path, results: Path) -> tuple[int, str]:
    """The exit code, and what to say, for a run that would work on `results` in the checkout `folder`."""
    locks = list(_locks(folder))
    if not any(path == _HELD or results in (path, *path.parents) for path, _ in locks):
        return FREE, ""
    for path, noted in locks:
        if noted is None:
            said = "locked by Snakemake, and no note says by which run; if none is at work here: snakemake --unlock"
            return HELD, f"{path}: {said}"
        try:
            holder = read(noted)
        except HeldError as error:
            return HELD, str(error)
        if holder is not None and (reason := why_held(noted, holder)):
            return HELD, f"{reason}, then: snakemake --unlock"
    if _snakemake_runs_in(folder):
        return HELD, f"{folder}: another Snakemake is at work in this checkout; wait for it"
    return STALE, ""


def _locks(folder: Path) -> Iterator[tuple[Path, Path | None]]:
    """Each locked folder, and the lock of ours in it or in the nearest folder above it."""
    files = sorted((folder / _HELD).iterdir()) if (folder / _HELD).is_dir() else []
    outputs = [Path(line) for file in files if file.name.endswith(".output.lock") for line in _lines(file)]
    for parent in sorted({path.parent for path in outputs}):
        above = [parent, *parent.parents]
        notes = [folder / each / NAME for each in above if (folder / each / NAME).is_file()]
        yield parent, notes[0] if notes else None
    if files and not outputs:
        yield _HELD, None


def _lines(file: Path) -> list[str]:
    return file.read_text(errors="surrogateescape").splitlines()


def _snakemake_runs_in(folder: Path) -> bool:
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = [Path(word).name for word in (process.info["cmdline"] or [])[:4]]
        if process.pid != os.getpid() and "snakemake" in words and process.info["cwd"] == str(folder.resolve()):
            return True
    return False


if __name__ == "__main__":
    code, line = verdict(Path.cwd(), Path(sys.argv[1]))
    if line:
        sys.stderr.write(f"{line}\n")
    sys.exit(code)
