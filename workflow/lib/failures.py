"""The last words of failed jobs, said again when Snakemake has said all of its own."""

import atexit
import re
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from .jobs import KILLED
from .slurm import Ended
from .slurm_plugin import ended

TAIL_BYTES = 64 << 10
MOST_LINES = 10
FULL_BYTES = 1 << 20
OURS = re.compile(r"(mgi|mgi_standin) [a-z-]+: ")
# The shell's own word; torchrun's of a process of its; the word of torch's loaders.
OUT_OF_MEMORY = re.compile(rf"{re.escape(KILLED)}|exitcode *: -9\b|Signal 9 \(SIGKILL\)|killed by signal: Killed")
NO_MEMORY = re.compile(r"std::bad_alloc|MemoryError|out of memory|can(?:'|no)t allocate memory", re.IGNORECASE)
# How Snakemake names a failed job of a group in the log of the group's SLURM job.
FAILED_IN_GROUP = re.compile(r"^Error in rule .*?^    log: (\S+)", re.MULTILINE | re.DOTALL)
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def say_last(jobs: Iterable[Any]) -> None:
    """Print one line a failed job when the process ends: then they stand below everything else."""
    lines = [last_words(one, ended(job)) for job in jobs for one in culprits(job, ended(job))]
    if not lines:  # stopped by the user
        return
    more = [f"and {len(lines) - MOST_LINES} more"] if len(lines) > MOST_LINES else []
    text = "\n".join([*sorted(lines)[:MOST_LINES], *more])
    atexit.register(sys.stderr.write, f"{text}\n")


def culprits(job: Any, how: Ended | None) -> list[Any]:
    """The job; of a group those that its log names, else the one that wrote last, else the first."""
    if not job.is_group():
        return [job]
    members = {str(log): one for one in job for log in one.log}
    log = "" if how is None or how.log is None else _text(how.log)
    named = [members[path] for path in FAILED_IN_GROUP.findall(log) if path in members]
    # Snakemake makes empty logs ahead.
    begun = sorted(filter(_has_words, map(Path, members)), key=lambda path: path.stat().st_mtime)
    return named or [members[str(path)] for path in begun[-1:]] or list(job)[:1]


def last_words(job: Any, how: Ended | None = None) -> str:
    """The job, what was wrong, and where its log lies."""
    logs = [Path(str(path)) for path in job.log]
    lines = [line for log in logs for line in _tail(log)]
    name = " ".join([job.rule.name, *(f"{key}={value}" for key, value in job.wildcards_dict.items())])
    said = _said(lines, job) if how is None or (how.state == "FAILED" and lines) else f"{how}{_remedy(how, job)}"
    if how is not None:
        logs = list(filter(_has_words, [*logs, *([how.log] if how.log else [])])) or (
            [] if how.refusal or how.never else logs
        )
    where = f" (log: {', '.join(map(str, logs))})" if logs else ""
    return f"failed: {name}: {said}{_full(logs)}{where}"


def _remedy(how: Ended, job: Any) -> str:
    """What to ask for where a limit of SLURM's ended the job."""
    resource = {"OUT_OF_MEMORY": "mem_mb", "TIMEOUT": "runtime"}.get(how.state)
    asked = resource and job.resources.get(resource)
    if not isinstance(asked, int):
        return ""
    return f"; the rule's {resource} is {asked}: give it more (--set-resources {job.rule.name}:{resource}={2 * asked})"


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
    return [CONTROL.sub(" ", line).strip() for line in re.split(r"[\r\n]+", _text(log)) if line.strip()]


def _has_words(log: Path) -> bool:
    return log.is_file() and log.stat().st_size > 0


def _text(log: Path) -> str:
    try:
        with log.open("rb") as source:
            source.seek(max(0, log.stat().st_size - TAIL_BYTES))
            return source.read().decode(errors="replace")
    except OSError:
        return ""
