"""One trial is one process: what a piece of tensor work takes in seconds, and in memory beyond its inputs.

A child is started for every trial, so that no variant inherits another's memory, threads or warm caches. It gives its
figures as the last line of its output, in JSON. A trial that runs into its limit is killed and said to be `not run`.
Standard library only, because the children of other interpreters import it too.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
MIB = 1024  # KiB
OVER = "over the limit"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """The figures of a trial, or why there are none, in one line."""

    figures: Mapping[str, Any] | None
    reason: str = ""


def run_child(script: str, spec: Mapping[str, Any], *, python: str | Path = sys.executable, limit_s: float) -> Outcome:
    """Run `benchmarks/<script>` on a JSON specification; threads as `spec["threads"]` says, one by default."""
    threads = str(spec.get("threads", 1))
    settled = {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": threads, "OMP_WAIT_POLICY": "PASSIVE"}
    settled |= spec.get("environment", {})
    command = [str(python), str(ROOT / "benchmarks" / script), json.dumps(spec)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=limit_s, env={**os.environ, **settled}, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(figures=None, reason=f"{OVER} of {limit_s:.0f} s")
    if done.returncode != 0:
        said = (done.stderr.strip() or f"exit {done.returncode}").splitlines()
        return Outcome(figures=None, reason=said[-1])
    return Outcome(figures=json.loads(done.stdout.strip().splitlines()[-1]))


def cpu_seconds() -> float:
    """Of all processes that this one started and that ended, user and system."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def resident_kib(field: str) -> int:
    """`VmRSS` or `VmHWM` of this process in KiB, as Linux counts them."""
    for line in Path("/proc/self/status").read_text().splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise RuntimeError(f"/proc/self/status: no {field}")


def forget_peak() -> int:
    """Let the kernel count the peak from here on; what is held now, in KiB."""
    Path("/proc/self/clear_refs").write_text("5")
    return resident_kib("VmRSS")


def extra_mib(before: int) -> float:
    """The peak since `forget_peak` beyond what was held then."""
    return max(0, resident_kib("VmHWM") - before) / MIB


def measure_passes(
    forward: Callable[[], Any], backward: Callable[[Any], None] | None, *, repeats: int, budget_s: float
) -> dict[str, Any]:
    """Best wall seconds of `repeats` runs (fewer where the budget ends), and the first run's extra memory.

    `forward_s` is the forward pass alone, `both_s` forward and backward of the same run, `cpu_s` the processor time of
    the quickest such run over all threads. Memory includes outputs and gradients.
    """
    best: dict[str, Any] = {}
    began = time.monotonic()
    for turn in range(repeats):
        before = forget_peak() if turn == 0 else 0
        start, start_cpu = time.perf_counter(), time.process_time()
        output = forward()
        middle = time.perf_counter()
        if backward is not None:
            backward(output)
        end, end_cpu = time.perf_counter(), time.process_time()
        if turn == 0:
            best["extra_mib"] = extra_mib(before)
        best["forward_s"] = min(best.get("forward_s", float("inf")), middle - start)
        if end - start < best.get("both_s", float("inf")):
            best["both_s"], best["cpu_s"] = end - start, end_cpu - start_cpu
        best["runs"] = turn + 1
        del output
        if time.monotonic() - began > budget_s:
            break
    return best


def over_lengths(
    lengths: Sequence[int], trial: Callable[[int], Outcome], *, limit_s: float, exponent: float
) -> dict[int, Outcome]:
    """A trial at each length from the shortest on; those that are bound to pass the limit are not begun.

    The next time is foretold from the last one, with at least the given exponent of growth.
    """
    outcomes: dict[int, Outcome] = {}
    seen: list[tuple[int, float]] = []
    for length in sorted(lengths):
        foretold = foretell(seen, length, exponent)
        if foretold > limit_s:
            reason = f"{OVER} of {limit_s:.0f} s: about {foretold:.0f} s to be expected"
            outcomes[length] = Outcome(figures=None, reason=reason)
            continue
        outcomes[length] = outcome = trial(length)
        if outcome.figures is not None:
            seen.append((length, float(outcome.figures["both_s"])))
        elif outcome.reason.startswith(OVER):
            seen.append((length, max(limit_s, foretold)))
        else:  # it cannot run at all, or not at this length: it will not at a longer one
            return outcomes | {longer: outcome for longer in lengths if longer > length}
    return outcomes


def foretell(seen: Sequence[tuple[int, float]], length: int, exponent: float) -> float:
    """Seconds at `length` from the last (length, seconds), 0 where there is none."""
    if not seen:
        return 0.0
    last_length, last_s = seen[-1]
    return last_s * float(length / last_length) ** exponent
