"""The numbers of inputs, workers that share them, and one line of counts."""

import importlib.util
import json
import multiprocessing
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from fuzz.targets import TARGETS
from fuzz.worker import Tally, run

# reliability plan: inputs a change; flips and cuts are for each of the files that the pipeline itself writes
FULL = {"dicom": 10_000, "nifti": 10_000, "tsv": 10_000, "omics": 10_000, "json": 5_000, "zip": 2_000, "config": 2_000}
FULL |= {"labels": 5_000, "slides": 2_000}
FLIPS, CUTS = 2_000, 200
CHUNK = 1_000
HANG_S = 60.0
Chunk = tuple[str, int, int]


def write_seeds(folder: Path) -> None:
    """Make the honest inputs in a process of their own, if they are not there."""
    if (folder / "complete").exists():
        return
    folder.mkdir(parents=True, exist_ok=True)
    env = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    command = [sys.executable, "-m", "fuzz.seeds", str(folder)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"seeds: {done.stderr[-2000:]}")
    (folder / "complete").touch()


def preload() -> None:
    """Import once what the workers, which are forks of this process, would import each."""
    for module in (
        "pandas",
        "pydicom",
        "snakemake.utils",
        "mgi.modalities.flair.sources.opening",
        "mgi.shards.expression_shard",
        "torch",
    ):
        if importlib.util.find_spec(module.partition(".")[0]):
            importlib.import_module(module)


def chunks(scale: float = 1.0, only: str | None = None) -> list[Chunk]:
    """The plan as (target, first input, end); `scale` shrinks it, never below three inputs a target."""
    planned = []
    for target in TARGETS.values():
        per_group = {"flip": FLIPS / target.share, "cut": CUTS / target.share} | FULL
        count = max(3, round(per_group[target.group] * target.share * scale))
        if only is None or only in (target.name, target.group):
            planned += [(target.name, start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]
    return planned


def run_all(planned: list[Chunk], seeds: Path, *, workers: int) -> dict[str, Tally]:
    """Run all chunks, each in a process of its own; a process that dies or hangs is an escape of its input."""
    waiting, running, tallies = list(reversed(planned)), [], {}
    while waiting or running:
        while waiting and len(running) < workers:
            running.append(_Worker(waiting.pop(), seeds))
        for worker in list(running):
            if not worker.finished():
                continue
            running.remove(worker)
            tally, rest = worker.result()
            tallies.setdefault(worker.chunk[0], Tally()).add(tally)
            if rest is not None:
                waiting.append(rest)
        time.sleep(0.02)
    return tallies


class _Worker:
    """One chunk in one process."""

    def __init__(self, chunk: Chunk, seeds: Path) -> None:
        context = multiprocessing.get_context("fork")
        self.chunk = chunk
        self._reader, writer = context.Pipe(duplex=False)
        self._progress = context.Value("q", -1, lock=False)
        self._process = context.Process(target=_work, args=(chunk, seeds, writer, self._progress))
        self._process.start()
        writer.close()
        self._seen, self._since = -1, time.monotonic()

    def finished(self) -> bool:
        """Whether there is a result, or there will be none."""
        if self._progress.value != self._seen:
            self._seen, self._since = self._progress.value, time.monotonic()
        if time.monotonic() - self._since > HANG_S and self._seen >= 0:
            self._process.kill()
            self._process.join()
        return self._reader.poll() or not self._process.is_alive()

    def result(self) -> tuple[Tally, Chunk | None]:
        """The tally and, where the process died, what is left of the chunk after the input that killed it."""
        name, start, stop = self.chunk
        answer: Any = None
        if self._reader.poll():
            try:
                answer = self._reader.recv()
            except EOFError:
                answer = None
        self._process.join()
        if isinstance(answer, Tally):
            return answer, None
        if isinstance(answer, str):
            raise RuntimeError(f"{name}: {answer}")
        number = self._progress.value
        if number < 0:
            raise RuntimeError(f"{name}: the worker died before its first input ({self._process.exitcode})")
        what = f"killed the process (exit code {self._process.exitcode})"
        tally = Tally(inputs=number - start + 1, refused=number - start, escapes=[(number, what)])
        return tally, (name, number + 1, stop) if number + 1 < stop else None


def _work(chunk: Chunk, seeds: Path, writer: Any, progress: Any) -> None:
    try:
        writer.send(run(*chunk, seeds, progress))
    except BaseException as error:  # noqa: BLE001 - told to the parent, which stops
        writer.send(f"{type(error).__name__}: {error}")


def saved_escapes(tallies: dict[str, Tally], seeds: Path, folder: Path) -> Iterator[str]:
    """Save every offending input and yield a line about it; the input follows from target and number alone."""
    for name, tally in sorted(tallies.items()):
        bad = [("escape", *one) for one in tally.escapes] + [("silent", *one) for one in tally.silent]
        for kind, number, what in sorted(bad):
            honest = TARGETS[name].seeds(seeds)
            data, _ = TARGETS[name].input(honest, number)
            path = folder / f"{kind}-{name.replace(':', '-')}-{number}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
            yield f"{kind}: {name} input {number}: {what}; saved as {path}"


def line(tallies: dict[str, Tally]) -> str:
    """The counts in one line."""
    total = Tally()
    for tally in tallies.values():
        total.add(tally)
    return (
        f"fuzz: {total.inputs:,} inputs, {total.refused:,} refused, {total.read:,} read, {len(total.escapes)} escapes, "
        f"{len(total.silent)} silent, slowest {total.slowest_s:.2f} s, peak {total.peak >> 20} MB"
    )


def save(tallies: dict[str, Tally], path: Path) -> None:
    """All counts by target, for the record."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({name: asdict(tally) for name, tally in sorted(tallies.items())}, indent=1) + "\n")
