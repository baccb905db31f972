"""`python -m machine`: the toy ingestion on a full disk at each stage, stopped for a minute, with a clock that jumps
back and with 64 file handles. Each must end with the bytes of an undisturbed run, at once or when run again.
"""

import argparse
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from killing.workflow import RESULTS, command, copy_of_workflow, environment, outputs, stumps

TARGET = "data"
PAGE = 4096  # a tmpfs counts in these
STAGES = {
    "simulate": "archive/archive.json", "preflight": "preflight.json", "lock": "locks/rna.json",
    "fetch": "raw/flair/batch-1-of-2.json", "gene_positions": "tables/gene_positions.tsv",
    "cohort": "tables/cohort.parquet", "shard": "shards/rna/values.parquet",
    "shard_volumes": "shards/flair/part-1-of-2.parquet", "describe_volumes": "shards/flair/dataset.json",
    "split": "tables/split.parquet",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How one trial ended."""

    name: str
    code: int
    said: str
    same: bool
    left: int


class Machine:
    """Where the trees are built, and what an undisturbed run leaves."""

    def __init__(self, folder: Path, seconds: float) -> None:
        self.folder, self.seconds = folder, seconds
        shutil.rmtree(folder, ignore_errors=True)
        self.whole = copy_of_workflow(folder / "whole")
        done = run(self.whole, cores=1)  # in the order in which a disk fills
        if done.code:
            raise SystemExit(f"the undisturbed run failed: {done.said}")
        self.reference = outputs(self.whole)

    def tree(self, name: str) -> Path:
        """A fresh clone."""
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return copy_of_workflow(self.folder / name)

    def judged(self, name: str, tree: Path, first: Verdict) -> Verdict:
        """The same command again where the first did not end well, and what there is in the end."""
        again = first if first.code == 0 else run(tree)
        same = again.code == 0 and outputs(tree) == self.reference
        return replace(first, name=name, same=same, left=len(stumps(tree)))


def run(tree: Path, during: Callable[[subprocess.Popen[str]], None] | None = None, **options: object) -> Verdict:
    """One run of Snakemake; what it said last."""
    env = environment() | {key: str(value) for key, value in options.items() if key.isupper()}
    limit = options.get("handles")
    running = subprocess.Popen(
        command("--cores", str(options.get("cores", 2)), TARGET), cwd=tree, env=env, text=True, start_new_session=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        preexec_fn=None if limit is None else lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit)),
    )  # fmt: skip
    if during is not None:
        during(running)
    said = running.communicate()[0]
    (tree / "said.txt").write_text(said)
    last = said.rstrip().splitlines()[-1] if said.strip() else ""
    return Verdict(name="", code=running.returncode, said=last, same=False, left=0)


def full_disk(machine: Machine, stage: str) -> Verdict:
    """The results on a file system that is full in the middle of this stage's output."""
    made = [(path, path.stat()) for path in (machine.whole / RESULTS).rglob("*") if path.is_file()]
    target = machine.whole / RESULTS / STAGES[stage]
    before = [status for path, status in made if status.st_mtime_ns < target.stat().st_mtime_ns]
    pages = sum(-(-status.st_size // PAGE) for status in before) + max(1, target.stat().st_size // PAGE // 2)
    tree = machine.tree("full")
    with small_disk(tree / "results", pages * PAGE) as disk:
        first = run(tree, cores=1)
        subprocess.run(["mount", "-o", "remount,size=1g", str(disk)], check=True)
        return machine.judged(f"disk full in {stage}", tree, first)


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """A tmpfs at the folder."""
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def stopped(machine: Machine, rule: str, *, alone: bool) -> Verdict:
    """SIGSTOP for a minute while a rule runs: everything, or its command alone, which the archive then waits for."""

    def pause(running: subprocess.Popen[str]) -> None:
        while running.poll() is None and not (jobs := _commands_of(running, rule)):
            time.sleep(0.01)
        everything = [running.pid, *(child.pid for child in psutil.Process(running.pid).children(recursive=True))]
        for sent in (signal.SIGSTOP, signal.SIGCONT):
            for pid in [jobs[0]] if alone else everything:
                with suppress(ProcessLookupError):
                    os.kill(pid, sent)
            if sent == signal.SIGSTOP:
                time.sleep(machine.seconds)

    tree = machine.tree("stopped")
    who = "its command alone" if alone else "all processes"
    return machine.judged(f"SIGSTOP in {rule}, {who}", tree, run(tree, pause))


def _commands_of(running: subprocess.Popen[str], rule: str) -> list[int]:
    found = []
    for child in psutil.Process(running.pid).children(recursive=True):
        with suppress(psutil.Error):
            words = child.cmdline()
            if words[1:3] == ["-m", "mgi"] and words[3:4] == [rule]:
                found.append(child.pid)
    return found


def clock(machine: Machine) -> Verdict:
    """The wall clock jumps back a day in the middle of the run."""
    library = machine.folder / "clock.so"
    source = Path(__file__).with_name("clock.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", str(library), str(source), "-ldl"], check=True)
    tree = machine.tree("clock")
    at = tree / RESULTS / "locks/flair.json"
    first = run(tree, LD_PRELOAD=library.resolve(), CLOCK_JUMPS_AT=at.resolve())
    return machine.judged("the clock jumps back a day", tree, first)


def old_clock(machine: Machine) -> Verdict:
    """All that was made lies a day ahead, as after a clock that was put right: nothing may be made again for that."""
    for path in (machine.whole / RESULTS).rglob("*"):
        status = path.stat()
        os.utime(path, (status.st_atime + 86400, status.st_mtime + 86400))
    first = run(machine.whole)
    said = (machine.whole / "said.txt").read_text()
    nothing = "Nothing to be done" in said
    verdict = machine.judged("results from a day ahead", machine.whole, first)
    return replace(verdict, same=verdict.same and nothing)


def few_handles(machine: Machine) -> Verdict:
    """No process may hold more than 64 files open."""
    tree = machine.tree("handles")
    return machine.judged("64 file handles", tree, run(tree, handles=64))


def main() -> int:
    options = argparse.ArgumentParser(prog="python -m machine", description=__doc__)
    options.add_argument("--folder", type=Path, default=Path("build/machine"), help="for the trees")
    options.add_argument("--seconds", type=float, default=60, help="how long SIGSTOP lasts")
    options.add_argument("--only", default="", help="trials whose name this regular expression finds")
    chosen = options.parse_args()
    machine = Machine(chosen.folder, chosen.seconds)
    trials: dict[str, Callable[[], Verdict]] = {
        f"full {stage}": lambda s=stage: full_disk(machine, s) for stage in STAGES
    }
    for rule in ("fetch", "shard"):
        trials |= {
            f"stop {rule} {alone}": lambda r=rule, a=alone: stopped(machine, r, alone=a) for alone in (False, True)
        }
    trials |= {
        "clock": lambda: clock(machine),
        "handles": lambda: few_handles(machine),
        "ahead": lambda: old_clock(machine),
    }
    verdicts = []
    for name, trial in trials.items():
        if not re.search(chosen.only, name):
            continue
        verdicts.append(trial())
        print(json.dumps(vars(verdicts[-1]), ensure_ascii=False), file=sys.stderr, flush=True)
    wrong = [one for one in verdicts if not one.same or one.left]
    ended = sum(one.code == 0 for one in verdicts)
    print(
        f"machine: {len(verdicts)} trials, {ended} ended well at once, {len(verdicts) - ended} stopped with a line, "
        f"{len(wrong)} differ from an undisturbed run in the end"
    )
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
