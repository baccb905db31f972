"""Feeds mutated inputs to one reader and judges each: 2 s of CPU, 512 MB, and no error but the project's own."""

import contextlib
import io
import logging
import os
import resource
import signal
import tempfile
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any

from fuzz.target import Target, fingerprint
from fuzz.targets import TARGETS

CPU_S = 2.0
MEMORY = 512 << 20


class TooSlow(BaseException):
    """The time of one input is over."""


@dataclass
class Tally:
    """What became of a run of inputs; `escapes` and `silent` hold (input number, what happened)."""

    inputs: int = 0
    refused: int = 0
    read: int = 0
    slowest_s: float = 0.0
    peak: int = 0
    escapes: list[tuple[int, str]] = field(default_factory=list)
    silent: list[tuple[int, str]] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Put two runs together."""
        self.inputs += other.inputs
        self.refused += other.refused
        self.read += other.read
        self.slowest_s, self.peak = max(self.slowest_s, other.slowest_s), max(self.peak, other.peak)
        self.escapes += other.escapes
        self.silent += other.silent


def run(name: str, start: int, stop: int, seeds_folder: Path, progress: Any = None) -> Tally:
    """Try the inputs `start` to `stop` of a target in this process, which is limited for good.

    `progress` (a shared integer) is set to each number before it is tried: a worker that dies names its input so.
    """
    from mgi.core.errors import MgiError

    target, tally = TARGETS[name], Tally()
    warnings.simplefilter("ignore")
    logging.disable()
    with tempfile.TemporaryDirectory() as scratch, contextlib.redirect_stdout(io.StringIO()):
        seeds = target.seeds(seeds_folder)
        if not seeds:
            raise RuntimeError(f"{name}: no honest input")
        read = target.reader(seeds_folder, Path(scratch))
        honest = _read_honest(target, seeds, read)
        baseline = _limit_memory()
        signal.signal(signal.SIGPROF, _stop)
        for number in range(start, stop):
            if progress is not None:
                progress.value = number
            data, seed = target.input(seeds, number)
            began = time.process_time()
            signal.setitimer(signal.ITIMER_PROF, CPU_S)
            try:
                found = read(data, seed.note)
                signal.setitimer(signal.ITIMER_PROF, 0)
                tally.read += 1
                if target.checked and data != seed.data and fingerprint(found) != honest[id(seed)]:
                    tally.silent.append((number, "other content was accepted"))
            except MgiError as error:
                signal.setitimer(signal.ITIMER_PROF, 0)
                tally.refused += 1
                if (cause := _hidden_cause(error)) is not None:
                    tally.escapes.append((number, cause))
            except BaseException as error:
                signal.setitimer(signal.ITIMER_PROF, 0)
                if isinstance(error, KeyboardInterrupt):
                    raise
                tally.escapes.append((number, _describe(error)))
            tally.inputs += 1
            tally.slowest_s = max(tally.slowest_s, time.process_time() - began)
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - baseline
            if peak > MEMORY >= tally.peak:
                tally.escapes.append((number, f"{peak >> 20} MB"))
            tally.peak = max(tally.peak, peak)
    return tally


def _read_honest(target: Target, seeds: list[Any], read: Any) -> dict[int, str]:
    """What the honest inputs hold; where digests are to be tested, every one of them must be read."""
    from mgi.core.errors import MgiError

    honest, n_read = {}, 0
    for seed in seeds:
        try:
            honest[id(seed)] = fingerprint(read(seed.data, seed.note))
            n_read += 1
        except MgiError as error:
            if target.checked:
                raise RuntimeError(f"{target.name}: refuses the honest {seed.note}: {error}") from None
    if n_read == 0:
        raise RuntimeError(f"{target.name}: refuses every honest input")
    return honest


def _limit_memory() -> int:
    """Forbid this process more than it has now and the limit of one input; its highest memory so far, in bytes."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * os.sysconf("SC_PAGE_SIZE") + MEMORY + (64 << 20)
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _stop(_signal: int, _frame: FrameType | None) -> None:
    raise TooSlow(f"more than {CPU_S} s")


def _hidden_cause(error: BaseException) -> str | None:
    """A limit of ours that a reader met and turned into an error of the project."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, MemoryError | TooSlow):
            return f"hidden {_describe(inner)}"
        inner = inner.__context__
    return None


def _describe(error: BaseException) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = "" if trace is None else f" at {Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}"
    return f"{type(error).__name__}{where}: {' '.join(str(error).split())[:160]}"
