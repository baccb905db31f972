"""What every shell command of the workflow begins with."""

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from mgi.core.allocator import KEEPS_MEMORY
from mgi.core.plugins import VARIABLE

# The shell outlives a signal that its command answers, and so does the log; both end with the command.
_OUTLIVE = ("trap : TERM USR1", 'tee() ( trap "" TERM USR1; exec tee "$@" )')
KILLED = "killed (exit code 137, SIGKILL)"
SIGNALS = "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"  # torchrun's own, and one that schedulers send ahead of a time limit
# With a trap the shell outlives its last command and can say what became of it.
_TRAP = (
    f"trap '[[ $? -ne 137 ]] || echo \"{KILLED}: the memory of the machine or of the job may have run out\" >&2' EXIT"
)


def shell_prefix(source: Path, *, isolated: bool, plugins: Sequence[str] = ()) -> str:
    """Strict mode, the package's folder, the user's plugins, and first in PATH the Python that runs Snakemake.

    An `isolated` job, in a conda environment or a container, has a Python of its own.

    Snakemake drops PYTHONPATH in conda jobs and its own strict mode where there is a prefix, and it formats braces.
    Idle OpenMP threads sleep: spinning ones slow down jobs that share a machine.
    """
    lines = [
        "set -euo pipefail",
        _TRAP,
        *_OUTLIVE,
        f"export PYTHONPATH={shlex.quote(str(source))}",
        "export OMP_WAIT_POLICY=PASSIVE",
    ]
    if plugins:
        lines.append(f"export {VARIABLE}={shlex.quote(os.pathsep.join(str(Path(file).resolve()) for file in plugins))}")
    if not isolated:
        lines.append(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
    return "".join(f"{line}; " for line in lines).replace("{", "{{").replace("}", "}}")


def after_another(set_before: str | None, own: str) -> str:
    """Our prefix behind one that is set already, of a workflow that has this one as a module.

    Snakemake has one prefix for all; that it formats braces is undone for the part that it formatted before.
    """
    before = (set_before or "").replace("{", "{{").replace("}", "}}")
    return before if before.endswith(own) else before + own


def memory_kept() -> str:
    """The settings of glibc for jobs that compute with torch, as words for `export`."""
    return " ".join(f"{name}={value}" for name, value in KEEPS_MEMORY.items())


# What each node of a SLURM job runs: they meet at the job's first, by a port that other jobs will hardly have.
_MEET = (
    'exec torchrun --nnodes "$SLURM_NNODES" --nproc-per-node {processes} --signals-to-handle {signals} '
    '--rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d '
    '--rdzv-endpoint "$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1):$((20000 + SLURM_JOB_ID % 20000))" '
    '--rdzv-conf "is_host=$((SLURM_NODEID == 0))" --no-python -- "$@"'
)


def torchrun(config: Mapping[str, Any], stage: str) -> list[str]:
    """What precedes a training command: nothing for one process, else torchrun on this machine, or on several by srun.

    Behind the dashes torchrun reads no option; without them it takes our `--run` for an abbreviation of its own.
    """
    if config[stage]["processes"] == 1:
        return []
    processes = processes_per_node(config, stage)
    if (nodes := config["compute"]["nodes"]) == 1:
        options = ["--signals-to-handle", SIGNALS, "--standalone", "--nproc-per-node", str(processes)]
        return ["torchrun", *options, "--no-python", "--"]
    here = _MEET.format(processes=processes, signals=SIGNALS)
    return ["srun", "--nodes", str(nodes), "--ntasks-per-node", "1", "bash", "-c", here, "torchrun"]


def grows(first: int) -> Callable[[Any, int], int]:
    """Memory or time of a job: `first`, and as much again each time that a cluster's executor submits it anew.

    The profile's limits of the same name (`resources`) cap it. The names of the arguments are Snakemake's.
    """

    def asked(wildcards: Any, attempt: int) -> int:
        return first * attempt

    return asked


def nodes_of(config: Mapping[str, Any], stage: str) -> int:
    """Machines of a training job: one, unless its several processes are spread."""
    return int(config["compute"]["nodes"]) if config[stage]["processes"] > 1 else 1


def processes_per_node(config: Mapping[str, Any], stage: str) -> int:
    """Processes of a training on each of its machines; the config has checked that they divide."""
    return int(config[stage]["processes"] // nodes_of(config, stage))


def training_gpus(config: Mapping[str, Any], stage: str) -> int:
    """GPUs of a training job: one a process, none where training runs on the CPU."""
    return int(config[stage]["processes"]) if config["compute"]["gpu"] else 0


def training_threads(config: Mapping[str, Any], stage: str) -> int:
    """CPU threads of a training job on a machine: `compute.threads` for each GPU; processes without one share them."""
    beside = processes_per_node(config, stage) if config["compute"]["gpu"] else 1
    return int(config["compute"]["threads"] * beside)
