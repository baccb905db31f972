"""What SLURM says of jobs, read: states, reasons of waiting, and how a job ended; commands for it, completed."""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TAIL_BYTES = 64 << 10
# Number, reason, partition, time limit and comment of a job, for squeue.
PENDING = "%i|%r|%P|%l|%k"
NEVER = ("PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints")
USUAL = ("", "None", "Priority", "Resources", "BeginTime")
ENDS = {
    "CANCELLED": "was cancelled",
    "DEADLINE": "missed its deadline",
    "NODE_FAIL": "lost its node",
    "OUT_OF_MEMORY": "ran out of memory",
    "TIMEOUT": "ran out of time",
}
# What sbatch sets for a job and srun would take for options of the step.
OF_THE_JOB = (
    *(f"SLURM_{name}" for name in ("NTASKS", "NPROCS", "NNODES", "CPUS_PER_TASK", "GPUS", "TRES_PER_TASK")),
    *(f"SLURM_{name}_PER_{unit}" for name in ("NTASKS", "GPUS", "MEM", "CPUS") for unit in ("NODE", "GPU", "CPU")),
)


# Of a step that the kernel killed, srun's log tells; the job has merely failed.
OF_MEMORY = re.compile(r"oom[-_]kill event|Out Of Memory", re.IGNORECASE)
REFUSAL = re.compile(
    r"(?:sbatch failed.*?error message was '|submission failed with exception: )(?:sbatch: )?(?:error: )?([^\n]*)",
    re.DOTALL,
)


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How SLURM says that a job ended; one that sbatch refused has neither state nor number.

    `never` is the reason for which it could not start.
    """

    state: str = ""
    number: str = ""
    log: Path | None = None
    refusal: str = ""
    never: str = ""

    def __str__(self) -> str:
        if self.refusal:
            return f"sbatch refused it: {self.refusal}"
        if self.never:
            return f"SLURM job {self.number} could never start: {self.never}"
        return f"SLURM job {self.number} {ENDS.get(self.state, f'ended as {self.state}')}"


def plain_state(state: str) -> str:
    """The state without whom and what for: `CANCELLED by 1000` and `CANCELLED+` are `CANCELLED`."""
    return state.split(" ")[0].rstrip("+")


def complaints(waiting: str, said: set[str]) -> tuple[list[str], dict[str, str]]:
    """From squeue's lines of PENDING: sentences that were not said yet, and why which jobs can never start."""
    sentences: list[str] = []
    hopeless: dict[str, str] = {}
    for line in waiting.splitlines():
        number, reason, partition, asked, comment = [*line.strip().split("|", 4), "", "", "", ""][:5]
        reason = reason.strip("()")
        if reason in USUAL or f"{number} {reason}" in said:
            continue
        said.add(f"{number} {reason}")
        never = reason.startswith(NEVER)
        end = f"it asks for {asked} and can never start there: it is cancelled" if never else "it goes on waiting"
        sentences.append(f"SLURM job {number} ({comment}) waits in partition {partition}: {reason}; {end}")
        hopeless |= {number: reason} if never else {}
    return sentences, hopeless


def limited(command: str, longest: int | None) -> str:
    """An sbatch command on one node unless it names a number of them, and of `longest` minutes at most."""
    nodes = "" if re.search(r" --nodes[= ]", command) else " --nodes=1"
    if longest is not None:
        command = re.sub(r" -t (\d+)", lambda found: f" -t {min(int(found[1]), longest)}", command, count=1)
    return f"{command}{nodes}"


def step(command: str, *, cpus: int, resources: Mapping[str, Any]) -> str:
    """A command as one step of a job, so that SLURM's signals reach it.

    On several nodes, and where the rule names `mpi`, the command has to start steps itself, and stays as it is.
    """
    if resources.get("mpi") or (resources.get("nodes") or 1) > 1:
        return command
    asked = [f"--cpus-per-task={resources.get('cpus_per_task') or cpus}", "--nodes=1"]
    asked += [f"--gpus={resources['gpu']}"] if resources.get("gpu") else []
    hidden = " ".join(f"-u {name}" for name in OF_THE_JOB)
    return f"env {hidden} srun -n1 --cpu-bind=q {' '.join(asked)} {command}"


def how_it_ended(message: str, number: str | None, log: Path | None) -> Ended | None:
    """What the plugin's message of a failed job says, and the log of the SLURM job."""
    if found := re.search(r"SLURM status is: '(\w+)'", message):
        state = "OUT_OF_MEMORY" if found[1] == "FAILED" and OF_MEMORY.search(_end_of(log)) else found[1]
        return Ended(state=state, number=number or "", log=log)
    if found := REFUSAL.search(message):
        return Ended(log=log, refusal=found[1].rstrip("'. "))
    return None


def _end_of(log: Path | None) -> str:
    try:
        return "" if log is None else log.read_bytes()[-TAIL_BYTES:].decode(errors="replace")
    except OSError:
        return ""


def partition_of(resources: Mapping[str, Any]) -> str:
    """The option of sbatch for a job that asks for a GPU where the profile names their partition, else nothing."""
    if resources.get("gpu") and resources.get("gpu_partition"):
        return f" -p {shlex.quote(str(resources['gpu_partition']))}"
    return ""
