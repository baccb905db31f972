"""What every shell command of the workflow begins with."""

import shlex
import sys
from pathlib import Path


def shell_prefix(source: Path, *, in_conda: bool) -> str:
    """Strict mode, the package's folder, and outside conda the Python that runs Snakemake.

    Snakemake drops PYTHONPATH in conda jobs and its own strict mode where there is a prefix, and it formats braces.
    Idle OpenMP threads sleep: spinning ones slow down jobs that share a machine.
    """
    lines = ["set -euo pipefail", f"export PYTHONPATH={shlex.quote(str(source))}", "export OMP_WAIT_POLICY=PASSIVE"]
    if not in_conda:
        lines.append(f"export PATH={shlex.quote(str(Path(sys.executable).parent))}:$PATH")
    return "".join(f"{line}; " for line in lines).replace("{", "{{").replace("}", "}}")
