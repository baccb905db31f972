"""Resolve every lock file as pip does on a machine without settings of its own; for `make lock-check`.

Nothing is installed, and of a wheel only its metadata is fetched, where the registry hands out parts of files. A lock
is right where pip finds all of it, nothing in it disagrees, and nothing comes along that it does not pin. The public
registry's torch for Linux is the CUDA build; a CPU build asks for less and for nothing else, so it resolves as well.
The lock that holds all others is resolved for each further Python of the package that can be started here, too.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import yaml
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

LOCKS = (
    "requirements.txt", "requirements-torch-cuda.txt", "requirements-torch-cpu.txt", "requirements-dev.txt",
    "requirements-slurm.txt",
    "envs/data.yaml", "envs/train.yaml", "envs/train-gpu.yaml",
)  # fmt: skip
WHOLE = "requirements-dev.txt"
# All else in that lock stands in requirements.txt, whose torch has the same version. pip says it in either way.
NOT_PUBLIC = re.compile(
    r"Could not find a version that satisfies the requirement torch==[\d.]+\+cpu"
    r"|Cannot install torch==([\d.]+) and torch==\1\+cpu because"
)
# What only a CUDA build of torch asks for. An environment cannot name a file of constraints: there torch chooses.
CUDA = re.compile(r"(cuda|nvidia)-|triton$")
# How the network is reached; all other settings of pip might change what it finds.
KEPT = {"PIP_CERT", "PIP_CLIENT_CERT", "PIP_PROXY", "PIP_DEFAULT_TIMEOUT", "PIP_RETRIES", "PIP_CACHE_DIR"}


def main(folder: Path, options: Sequence[str] = ()) -> int:
    """Print a line for each lock in the folder; 1 where one is wrong. `options` are pip's, for every call of it."""
    if _pip("index", "versions", "pip", "--retries", "1", "--timeout", "15", *options).returncode:
        print("lock-check: no package registry can be reached from here, nothing was checked")  # noqa: T201
        return 0
    checks = {lock: (folder / lock, sys.executable) for lock in LOCKS}
    checks |= {f"{WHOLE} on {name}": (folder / WHOLE, name) for name in other_pythons(folder)}
    with ThreadPoolExecutor(2) as pool:
        started = time.monotonic()
        faults = []
        found = pool.map(lambda check: fault_of(check[0], options, python=check[1]), checks.values())
        for label, fault in zip(checks, found, strict=True):
            if fault and NOT_PUBLIC.search(fault):
                print(f"lock-check: {label}: this registry has no build of torch for CPUs alone", flush=True)  # noqa: T201
                continue
            print(f"lock-check: {label}: {fault or 'resolves'} ({time.monotonic() - started:.0f} s)", flush=True)  # noqa: T201
            faults += [fault] if fault else []
    return 1 if faults else 0


def other_pythons(folder: Path) -> list[str]:
    """Names of the Pythons that `folder`'s package is for, but this one; what cannot be started here is left out.

    A version manager puts names on PATH that start nothing.
    """
    project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    asked = SpecifierSet(project["requires-python"])
    minors = [minor for minor in range(100) if f"3.{minor}" in asked and minor != sys.version_info.minor]
    return [name for minor in minors if _starts(name := f"python3.{minor}")]


def _starts(name: str) -> bool:
    try:
        return not subprocess.run([name, "-c", ""], capture_output=True, check=False).returncode
    except OSError:
        return False


def fault_of(lock: Path, options: Sequence[str] = (), *, python: str = sys.executable) -> str | None:
    """What is wrong with a lock file or with an environment's pip section, in one line; None where it resolves.

    It is resolved for the interpreter `python`.
    """
    is_environment = lock.suffix == ".yaml"
    with tempfile.TemporaryDirectory() as scratch:
        file, report = lock, Path(scratch) / "report.json"
        if is_environment:
            file = Path(scratch) / "requirements.txt"
            file.write_text("\n".join(_pip_section(lock)))
        ways = ["--dry-run", "--ignore-installed", "--use-feature=fast-deps", f"--report={report}", *options]
        done = _pip("--python", python, "install", *ways, "-r", str(file))
        if done.returncode:
            return _reason(done)
        found = {canonicalize_name(item["metadata"]["name"]) for item in json.loads(report.read_text())["install"]}
        loose = sorted(found - set(_pinned(file)))
    loose = [name for name in loose if not (is_environment and CUDA.match(name))]
    return f"does not pin {', '.join(loose)}" if loose else None


def environment() -> dict[str, str]:
    """This process's variables, without the settings of pip that might change what it finds."""
    mine = {name: value for name, value in os.environ.items() if not name.startswith("PIP_") or name in KEPT}
    return mine | {"PIP_CONFIG_FILE": os.devnull, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def _pip(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pip", *arguments]
    return subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)


def _pip_section(lock: Path) -> list[str]:
    packages = yaml.safe_load(lock.read_text(encoding="utf-8"))["dependencies"]
    return [line for entry in packages if isinstance(entry, dict) for line in entry["pip"]]


def _pinned(file: Path) -> Iterator[str]:
    """The names in a file of requirements and in those that it includes."""
    for line in file.read_text(encoding="utf-8").splitlines():
        if included := re.match(r"-[rc] +(\S+)", line):
            yield from _pinned(file.parent / included[1])
        elif "==" in line:
            yield canonicalize_name(line.split("==")[0])


def _reason(done: subprocess.CompletedProcess[str]) -> str:
    """pip's first error, and behind it what it says of a conflict."""
    error = next((line for line in done.stderr.splitlines() if line.startswith("ERROR: ")), done.stderr[-200:])
    told = re.search(r"The conflict is caused by:\n(.*?)\n\n", done.stdout + done.stderr, re.DOTALL)
    causes = [line.strip() for line in told[1].splitlines()] if told else []
    return "; ".join([error.removeprefix("ERROR: ").strip(), *causes])


if __name__ == "__main__":
    sys.exit(main(Path(__file__).parents[2]))
