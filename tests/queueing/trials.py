"""What may befall a job in the queue, one function each, and how the run must end."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from queueing.one_node import NODE, memory_is_enforced
from queueing.runs import LIMITS, PROFILE, Done, Run, fresh_tree, slurm, state

TARGET = "results/toy/preflight.json"
# From the event to the run's end, or to the next submission.
WITHIN_S = 120.0
# Everything else: starting Snakemake on a busy machine takes a minute.
PATIENCE_S = 900.0


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How one trial went: seconds from the event to what must follow (None: it did not), and the last line."""

    seconds: float | None
    said: str
    ended_well: bool

    @property
    def ok(self) -> bool:
        """Whether what must follow came in time, and the run ended as it must."""
        return self.ended_well and self.seconds is not None and self.seconds <= WITHIN_S


def drained_and_cancelled_while_pending(folder: Path, env: Mapping[str, str]) -> Verdict:
    """The node takes no jobs: the run says so. Its job is cancelled: it is submitted again, and runs when it can."""
    slurm(env, "scontrol", "update", f"nodename={NODE}", "state=drain", "reason=trial")
    run = Run(fresh_tree(folder), env, *PROFILE, "--resources", *LIMITS, "--", TARGET)
    run.wait_for(lambda: run.submitted(1), PATIENCE_S)
    told = run.wait_for(lambda: run.says("it goes on waiting"), PATIENCE_S)
    slurm(env, "scancel", *run.numbers())
    again = run.wait_for(lambda: run.submitted(2), PATIENCE_S)
    slurm(env, "scontrol", "update", f"nodename={NODE}", "state=resume")
    done = run.end(PATIENCE_S)
    slowest = None if told is None or again is None else max(told, again)
    sentence = next((line for line in done.said.splitlines() if "it goes on waiting" in line), done.last)
    return Verdict(seconds=slowest, said=sentence, ended_well=done.code == 0)


def cancelled_while_running(folder: Path, env: Mapping[str, str]) -> Verdict:
    """Submitted again, with more memory and time."""
    run = Run(fresh_tree(folder), env, *PROFILE, "--resources", *LIMITS, "--", TARGET, waits=True)
    run.wait_for(lambda: (run.tree / "waited").exists(), PATIENCE_S)
    slurm(env, "scancel", *run.numbers())
    again = run.wait_for(lambda: run.submitted(2), PATIENCE_S)
    done = run.end(PATIENCE_S)
    return Verdict(seconds=again, said=_first(done, "was cancelled"), ended_well=done.code == 0)


def out_of_memory(folder: Path, env: Mapping[str, str]) -> Verdict:
    """Killed by the kernel: a line with the rule's memory and the log."""
    little = ("--set-resources", "simulate:mem_mb=30", "preflight:mem_mb=30")
    return _that_fails(folder, env, "ran out of memory", *little, "--resources", *LIMITS)


def out_of_time(folder: Path, env: Mapping[str, str]) -> Verdict:
    """Ended by SLURM at its limit: a line with the rule's time and the log."""
    return _that_fails(folder, env, "ran out of time", "--resources", "net=2", "runtime=1", waits=True)


def longer_than_the_partition(folder: Path, env: Mapping[str, str]) -> Verdict:
    """Would wait for ever: the run says why, and cancels it."""
    return _that_fails(folder, env, "could never start", "--set-resources", "preflight:runtime=600")


def larger_than_the_node(folder: Path, env: Mapping[str, str]) -> Verdict:
    """Refused by sbatch: a line with its words."""
    return _that_fails(folder, env, "sbatch refused it", "--set-resources", "preflight:mem_mb=9000000")


TRIALS: dict[str, Callable[[Path, Mapping[str, str]], Verdict]] = {
    "drained node, then scancel of the pending job": drained_and_cancelled_while_pending,
    "scancel of the running job": cancelled_while_running,
    **({"out of memory": out_of_memory} if memory_is_enforced() else {}),
    "time limit": out_of_time,
    "longer than the partition allows": longer_than_the_partition,
    "more memory than a node has": larger_than_the_node,
}


def _that_fails(folder: Path, env: Mapping[str, str], word: str, *options: str, waits: bool = False) -> Verdict:
    """A run without retries must end with a line that has the word; timed from when its job left the queue."""
    run = Run(fresh_tree(folder), env, *PROFILE, "--retries", "0", *options, "--", TARGET, waits=waits)
    run.wait_for(lambda: run.submitted(1), PATIENCE_S)
    run.wait_for(lambda: not any(state(env, number) in ("PENDING", "RUNNING") for number in run.numbers()), PATIENCE_S)
    ended = run.wait_for(lambda: run.process.poll() is not None, PATIENCE_S)
    done = run.end(PATIENCE_S)
    right = done.code not in (0, -9) and done.last.startswith("failed: ") and word in done.last
    return Verdict(seconds=ended, said=done.last, ended_well=right)


def _first(done: Done, text: str) -> str:
    return next((line.strip() for line in done.said.splitlines() if text in line), done.last)
