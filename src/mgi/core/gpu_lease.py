"""GPUs of its own for each job on a machine: `python -m mgi.core.gpu_lease COUNT COMMAND...`.

Snakemake's resource `gpu` is a count, and a job that is told no index takes the first GPU, as all others do. This takes
COUNT of those that are free, puts them into CUDA_VISIBLE_DEVICES, and becomes the command. A GPU is taken by the lock
of a file: the kernel gives it back when the command ends, however that ends. Locks are seen by jobs of one user on one
machine. What a scheduler gave to its job is left as it is.
"""

import fcntl
import os
import shutil
import stat
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from mgi.core.errors import ConfigError, MgiError, ResourceError

VISIBLE = "CUDA_VISIBLE_DEVICES"
LOOK_AGAIN_S = 1.0


def main(argv: Sequence[str]) -> int:
    """Take the GPUs and become the command; the exit code where that is not possible."""
    try:
        if len(argv) < 2 or not argv[0].isdecimal():
            raise ConfigError(f"found {list(argv)}, expected a number of GPUs and a command")
        if names := leased(int(argv[0]), os.environ):
            os.environ[VISIBLE] = ",".join(names)
        os.execvp(argv[1], list(argv[1:]))
    except (MgiError, OSError) as error:
        sys.stderr.write(f"mgi gpu-lease: {error}\n")
        return error.exit_code if isinstance(error, MgiError) else ResourceError.exit_code


def leased(count: int, environment: Mapping[str, str], folder: Path | None = None) -> list[str]:
    """The GPUs that are this process's own from now on, by locks in a folder; none where there is nothing to choose.

    Raises ResourceError where there are fewer than asked for; waits, and says so, while others have them.
    """
    if count == 0:
        return []
    names = seen(environment)
    if not names or ("SLURM_JOB_ID" in environment and len(names) <= count):
        return []  # without any, the command says what torch finds
    if len(names) < count:
        raise ResourceError(f"{count} GPUs asked for, found {len(names)} ({', '.join(names)}); see compute.gpu")
    folder, waits = folder or lock_folder(), False
    while not (taken := _take(names, count, folder)):
        if not waits:
            sys.stderr.write(f"waiting: fewer than {count} of {len(names)} GPUs are free of other jobs\n")
        waits = True
        time.sleep(LOOK_AGAIN_S)
    return taken


def seen(environment: Mapping[str, str]) -> list[str]:
    """Names of the GPUs that this process may use: of the environment, else all of the machine's by their UUID.

    A UUID, because CUDA counts the fastest first and nvidia-smi by the slot.
    """
    if VISIBLE in environment:
        return [name.strip() for name in environment[VISIBLE].split(",") if name.strip()]
    if (tool := shutil.which("nvidia-smi", path=environment.get("PATH"))) is None:
        return []
    query = [tool, "--query-gpu=uuid", "--format=csv,noheader"]
    said = subprocess.run(query, capture_output=True, text=True, check=False)
    return [] if said.returncode else [line.strip() for line in said.stdout.splitlines() if line.strip()]


def lock_folder() -> Path:
    """This user's folder of locks; one path for all, since TMPDIR may differ from job to job.

    Raises ResourceError where another user owns it.
    """
    folder = Path("/tmp") / f"mgi-gpus-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid():
        raise ResourceError(f"{folder}: another user's, expected a folder of this user; delete it")
    return folder


def _take(names: Sequence[str], count: int, folder: Path) -> list[str]:
    """Locks on `count` GPUs, kept open for the command to come; or none at all, so that nobody waits with a half."""
    held: dict[str, int] = {}
    for name in names:
        file = os.open(folder / name.replace("/", "_"), os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            continue
        held[name] = file
        if len(held) == count:
            for one in held.values():
                os.set_inheritable(one, True)
            return list(held)
    for one in held.values():
        os.close(one)
    return []


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
