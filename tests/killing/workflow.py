"""A copy of the workflow, runs of it that are killed inside a rule or at a moment, and what a run leaves."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PARTS = ("Snakefile", "config", "envs", "profiles", "src", "workflow")
RESULTS = Path("results/toy")
# What tells of the run and not of the data: times, and the indexes of when files were verified.
UNCOMPARED = ("logs/", "benchmarks/")


def copy_of_workflow(folder: Path) -> Path:
    """A fresh clone."""
    folder.mkdir(parents=True)
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, folder / part)
    return folder


def command(*options: str) -> list[str]:
    """Snakemake on the toy config, as the manual says."""
    return [sys.executable, "-m", "snakemake", "--configfile", "config/toy.yaml", "--cores", "2", *options]


def environment() -> dict[str, str]:
    """Nothing of the test runner or of another Snakemake."""
    env = {name: value for name, value in os.environ.items() if not name.startswith(("SNAKEMAKE", "PYTEST"))}
    return env | {"PYTHONDONTWRITEBYTECODE": "1"}


def run(tree: Path, *options: str) -> str:
    """Run to the end; what was said. Raises RuntimeError with its end where it failed."""
    done = subprocess.run(
        command(*options),
        cwd=tree,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"snakemake {' '.join(options)}: exit code {done.returncode}\n{done.stdout[-4000:]}")
    return done.stdout


@dataclass(frozen=True, kw_only=True)
class Kill:
    """Kill `delay_s` after the first job of `rule` began to write its log.

    `rule` may be ANY_JOB, and None stands for the start of Snakemake itself.
    """

    rule: str | None
    delay_s: float


ANY_JOB = "*"


def run_and_kill(tree: Path, kill: Kill, *options: str) -> bool:
    """Start a run and kill its whole process group; whether it was still running then."""
    began = time.time()
    running = subprocess.Popen(
        command(*options), cwd=tree, env=environment(), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        while kill.rule is not None and running.poll() is None and not _begun(tree, kill.rule, since=began):
            time.sleep(0.02)
        running.wait(kill.delay_s)
    except subprocess.TimeoutExpired:
        os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        return True
    return False


def _begun(tree: Path, rule: str, *, since: float) -> bool:
    logs = (tree / RESULTS / "logs").glob("*.log" if rule == ANY_JOB else f"{rule}[.-]*log")
    return any(log.stat().st_mtime >= since for log in logs)


def recover(tree: Path, *options: str) -> str:
    """What the manual says after a kill: unlock, and run again."""
    run(tree, "--unlock")
    return run(tree, *options)


def outputs(tree: Path) -> dict[str, str]:
    """SHA-256 of everything in the results folder but logs, benchmarks and the moments of verification."""
    results = tree / RESULTS
    digests = {}
    for path in sorted(results.rglob("*")):
        name = str(path.relative_to(results))
        if path.is_file() and not name.startswith(UNCOMPARED) and not _is_record(path):
            digests[name] = hashlib.sha256(path.read_bytes()).hexdigest()
    return digests


def _is_record(path: Path) -> bool:
    """A note beside a downloaded file on when it was verified; the file itself is compared."""
    return path.suffix == ".json" and path.parent.name in ("series", "files")


def stumps(tree: Path) -> list[str]:
    """Half-written files under any name."""
    return sorted(str(path.relative_to(tree)) for path in (tree / RESULTS).rglob("*.part"))


def rules_of(log: str) -> list[str]:
    """The rules that a run did, in its order, each once, by its own account."""
    found = [line.split()[1].rstrip(":") for line in log.splitlines() if line.startswith(("rule ", "localrule "))]
    return list(dict.fromkeys(found))


def has_begun(tree: Path, rule: str) -> bool:
    """Whether any job of a rule ever ran here."""
    return _begun(tree, rule, since=0.0)
