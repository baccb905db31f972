"""The code and the machine that a number came from."""

import os
import platform
import subprocess
from pathlib import Path

import mgi


def commit() -> str | None:
    """The commit of this code, with `-dirty` where files differ from it; None outside of its git repository."""
    folder = Path(mgi.__file__).parent
    git = ["git", "-C", str(folder)]
    try:
        # Installed into a folder that another repository ignores, mgi is not of that repository's commit.
        subprocess.run([*git, "ls-files", "--error-unmatch", "__init__.py"], capture_output=True, check=True)
        describe = [*git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip() or None
    except (OSError, subprocess.CalledProcessError):
        return None


def machine() -> str:
    """Cores, processor, memory and system of this machine, in words."""
    about = Path("/proc/cpuinfo")
    lines = about.read_text().splitlines() if about.exists() else []
    listed = (line.partition(":") for line in lines)
    model = next((value.strip() for name, _, value in listed if name.strip() == "model name"), platform.machine())
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{os.cpu_count()} cores, {model}, {gib:.0f} GiB, {platform.system()}, Python {platform.python_version()}"
