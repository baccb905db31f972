"""Runs of the toy workflow on the node: started, watched, and what SLURM and the last lines say of them."""

import re
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from killing.workflow import copy_of_workflow, environment

SUBMITTED = re.compile(r"submitted with SLURM jobid (\d+) \(log: .*?/slurm_logs/((?:rule|group)_\w+)")
PROFILE = ("--workflow-profile", "profiles/slurm", "--cores", "2")
# The node's limits, as `mgi cluster-check` would have them in the profile.
LIMITS = ("net=2", "runtime=60")
# The first command that reads it waits; a job that is submitted again does not.
WAITS = """\
import os, pathlib, time
mark = pathlib.Path("waited")
if "MGI_PLUGINS" in os.environ and not mark.exists():
    mark.touch()
    time.sleep(900)
"""
POLL_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Done:
    """An ended run: its exit code, all that it said, and CPU seconds of the process and those that it started."""

    code: int
    said: str
    cpu_s: float

    @property
    def last(self) -> str:
        """The last line."""
        return self.said.rstrip().rsplit("\n", 1)[-1]

    @property
    def queue_jobs(self) -> list[str]:
        """Rule or group of every job that was submitted, in this order."""
        return [name for _, name in SUBMITTED.findall(self.said)]


class Run:
    """A run of Snakemake that goes on while the caller looks at it; its words go to a file."""

    def __init__(self, tree: Path, env: Mapping[str, str], *options: str, waits: bool = False) -> None:
        self.tree, self.env, self.output = tree, env, tree / "said.txt"
        config = ["--configfile", "config/toy.yaml"]
        if waits:
            (tree / "waits.py").write_text(WAITS)
            (tree / "waits.yaml").write_text("plugins: [waits.py]\n")
            config.append("waits.yaml")
        self._before = _cpu_of_children()
        command = [sys.executable, "-m", "snakemake", *config, *options]
        with self.output.open("w") as file:
            self.process = subprocess.Popen(command, cwd=tree, env=env, stdout=file, stderr=subprocess.STDOUT)

    def wait_for(self, holds: Callable[[], object], within_s: float) -> float | None:
        """Seconds until something holds; None where it did not within `within_s`, or the run ended before."""
        began = time.monotonic()
        while not holds():
            if time.monotonic() - began > within_s or self.process.poll() is not None:
                return time.monotonic() - began if holds() else None
            time.sleep(POLL_S)
        return time.monotonic() - began

    def says(self, text: str) -> bool:
        """Whether it has said this."""
        return text in self.output.read_text()

    def submitted(self, count: int) -> bool:
        """Whether so many jobs were submitted."""
        return len(SUBMITTED.findall(self.output.read_text())) >= count

    def numbers(self) -> list[str]:
        """SLURM's numbers of its jobs."""
        return [number for number, _ in SUBMITTED.findall(self.output.read_text())]

    def end(self, within_s: float) -> Done:
        """Wait for its end; killed after `within_s`, with exit code -9."""
        try:
            code = self.process.wait(timeout=within_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            code = self.process.wait()
        return Done(code=code, said=self.output.read_text(), cpu_s=_cpu_of_children() - self._before)


def fresh_tree(folder: Path) -> Path:
    """A clone of the workflow, in which nothing was made yet."""
    return copy_of_workflow(folder)


def bare(env: Mapping[str, str]) -> dict[str, str]:
    """The variables of a user's shell: byte code is kept, and nothing of a test's is set."""
    kept = {**environment(), "PATH": env["PATH"], "SLURM_CONF": env["SLURM_CONF"], "OMP_WAIT_POLICY": "PASSIVE"}
    return {name: value for name, value in kept.items() if name not in ("PYTHONDONTWRITEBYTECODE", "PYTHONPATH")}


def slurm(env: Mapping[str, str], *command: str) -> str:
    """What a command of SLURM's says."""
    return subprocess.run(command, env=env, capture_output=True, text=True, check=True).stdout.strip()


def state(env: Mapping[str, str], number: str) -> str:
    """A job's state, in the queue's word; empty where it knows none."""
    done = subprocess.run(
        ["squeue", "-h", "-j", number, "-o", "%T"], env=env, capture_output=True, text=True, check=False
    )
    return done.stdout.strip()


def cpu_of_jobs(env: Mapping[str, str], numbers: Sequence[str]) -> float:
    """CPU seconds of all steps of these jobs."""
    told = slurm(env, "sacct", "-n", "-P", "-j", ",".join(numbers), "--format=JobID,TotalCPU")
    return sum(_seconds(line.split("|")[1]) for line in told.splitlines() if "." in line.split("|")[0])


def _seconds(text: str) -> float:
    """Of sacct's [[days-]hours:]minutes:seconds."""
    days, _, clock = text.rpartition("-")
    parts = [float(part) for part in clock.split(":")]
    return int(days or 0) * 86400 + sum(part * 60**power for power, part in enumerate(reversed(parts)))


def _cpu_of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
