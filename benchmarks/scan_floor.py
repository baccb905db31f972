"""How fast the arithmetic of the scan alone could run on one core of this machine: 16 states, nothing read or written.

Run as a script it prints the floor per channel-step.
"""

import ctypes
import functools
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mgi.scan import cpu, cpu_build

STATES = 16
SOURCES = [Path(__file__).with_name("scan_floor.cpp"), Path(cpu.__file__).with_name("cpu_vector.h")]


class Floor(NamedTuple):
    """Seconds on one thread, the best of several runs."""

    forward: float
    backward: float


def seconds(
    batch: int, length: int, width: int, *, runs: int = 5, clock: Callable[[], float] = time.perf_counter
) -> Floor:
    """The floor of one scan over (batch, length, width) with 16 states, backward with the recomputing it needs.

    On a machine that others use, `clock=time.process_time` here and for the scan on one thread is the fairer pair.
    """
    library = _library()
    steps = ctypes.c_int64(-(-batch * length * width // library.floor_width()))
    calls = (library.floor_forward, library.floor_backward)
    return Floor(*(min(_timed(call, steps, clock) for _ in range(runs)) for call in calls))


def _timed(call: "ctypes._NamedFuncPointer", steps: ctypes.c_int64, clock: Callable[[], float]) -> float:
    start = clock()
    call(steps)
    return clock() - start


@functools.cache
def _library() -> ctypes.CDLL:
    return cpu_build.load(SOURCES, lambda library: None if library.floor_width() in (4, 8, 16) else "no width")


if __name__ == "__main__":
    for name, value in seconds(2, 60_484, 64, clock=time.process_time)._asdict().items():
        print(f"{name}: {value * 1e3:.1f} ms, {value / (2 * 60_484 * 64) * 1e9:.2f} ns per channel-step")
