"""The last words of failed jobs, said again when Snakemake has said all of its own."""

import atexit
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .jobs import KILLED

TAIL_BYTES = 64 << 10
MOST_LINES = 10
FULL_BYTES = 1 << 20
OURS = re.compile(r"(mgi|mgi_standin) [a-z-]+: ")
# The shell's own word; torchrun's of a process of its; the word of torch's loaders.
OUT_OF_MEMORY = re.compile(rf"{re.escape(KILLED)}|exitcode *: -9\b|Signal 9 \(SIGKILL\)|killed by signal: Killed")
NO_MEMORY = re.compile(r"std::bad_alloc|MemoryError|out of memory|can(?:'|no)t allocate memory", re.IGNORECASE)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def say_last(jobs: Iterable[Any]) -> None:
    """Print one line a failed job when the process ends: then they stand below everything else."""
    lines = [last_words(one) for job in jobs for one in (job if job.is_group() else [job])]
    if not lines:  # stopped by the user
        return
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    text = "\n".join([*sorted(lines)[:MOST_LINES], *more])
    atexit.register(sys.stderr.write, f"{text}\n")


def last_words(job: Any) -> str:
    """The job, what was wrong, and where its log lies."""
    logs = [Path(str(path)) for path in job.log]
    lines = [line for log in logs for line in _tail(log)]
    name = " ".join([job.rule.name, *(f"{key}={value}" for key, value in job.wildcards_dict.items())])
    where = f" (log: {', '.join(map(str, logs))})" if logs else ""
    return f"failed: {name}: {_said(lines, job)}{_full(logs)}{where}"


def _said(lines: list[str], job: Any) -> str:
    if any(OUT_OF_MEMORY.search(line) for line in lines):
        return _of_memory(job.rule.name, job.resources.get("mem_mb"))
    if lacking := [line for line in lines if NO_MEMORY.search(line)]:
        return f"{lacking[-1]}; {_asked(job.resources.get('mem_mb'))}"
    ours = [line for line in lines if OURS.match(line)]
    if ours or lines:
        return (ours or lines)[-1]
    return "it ended without a word; it may have been killed"


def _full(logs: list[Path]) -> str:
    """Where the disk has no room the log has no last words."""
    for folder in {log.parent for log in logs if log.parent.is_dir()}:
        if (free := shutil.disk_usage(folder).free) < FULL_BYTES:
            return f"; the disk of its log is full, {free / 1e6:.1f} MB are free"
    return ""


def _of_memory(rule: str, mem_mb: Any) -> str:
    more = f"--set-resources {rule}:mem_mb={2 * mem_mb}" if isinstance(mem_mb, int) else f"more mem_mb for {rule}"
    return (
        f"killed by the system (SIGKILL), which is what happens when memory runs out; {_asked(mem_mb)}: "
        f"run fewer jobs at once (--cores 1), or where a scheduler limits the job's memory give it more ({more})"
    )


def _asked(mem_mb: Any) -> str:
    return f"the rule's mem_mb is {mem_mb}" if isinstance(mem_mb, int) else "the rule names no mem_mb"


def _tail(log: Path) -> list[str]:
    """Lines of the log's end, without empty ones and control characters; a progress bar's states are lines."""
    try:
        with log.open("rb") as source:
            source.seek(max(0, log.stat().st_size - TAIL_BYTES))
            text = source.read().decode(errors="replace")
    except OSError:
        return []
    return [CONTROL.sub(" ", line).strip() for line in re.split(r"[\r\n]+", text) if line.strip()]
