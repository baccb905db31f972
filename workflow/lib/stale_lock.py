"""Say by the exit code whether Snakemake's lock on this folder is fine (0) or left behind by a killed run (1).

A lock is stale when no Snakemake process works in the folder any more.
"""

import os
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped] # its stubs would be one more pin


def is_stale(folder: Path) -> bool:
    """Whether the folder is locked and no Snakemake of it is alive."""
    locks = folder / ".snakemake" / "locks"
    return locks.is_dir() and any(locks.iterdir()) and not _snakemake_runs_in(folder)


def _snakemake_runs_in(folder: Path) -> bool:
    for process in psutil.process_iter(["cmdline", "cwd"]):
        words = [Path(word).name for word in (process.info["cmdline"] or [])[:4]]
        if process.pid != os.getpid() and "snakemake" in words and process.info["cwd"] == str(folder.resolve()):
            return True
    return False


if __name__ == "__main__":
    sys.exit(is_stale(Path.cwd()))
