"""What every shell command of the workflow begins with."""

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mgi.core.plugins import VARIABLE

KILLED = "killed (exit code 137, SIGKILL)"
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


def torchrun(config: Mapping[str, Any]) -> list[str]:
    """What precedes the command of pre-training: nothing for one process, else torchrun on this machine.

    Behind the dashes torchrun reads no option; without them it takes our `--run` for an abbreviation of its own.
    """
    processes = config["pretrain"]["processes"]
    if processes == 1:
        return []
    return ["torchrun", "--standalone", "--nproc-per-node", str(processes), "--no-python", "--"]


def pretraining_gpus(config: Mapping[str, Any]) -> int:
    """GPUs of a pre-training job: one a process, none where training runs on the CPU."""
    return config["pretrain"]["processes"] if config["compute"]["gpu"] else 0
