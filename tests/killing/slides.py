"""`python -m killing.slides`: kill -9 while slides are fetched that are not kept, and while their shard is written, in
the middle of a slide. No part of the shard may be half there, no job may have more than two slides on its disk, and in
the end the shard must be that of slides that were kept and never disturbed.
"""

import argparse
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from killing.workflow import ROOT, environment

PATIENTS, PARTS = 8, 2
MOST_SLIDES = 2
IN_THE_SHARD = 4  # each so many kills is one of the shard's
LATEST_S = 0.4  # after a slide appeared
POLL_S = 0.002
OWN = {"source": "gdc", "retry_base_s": 0.0, "threads": 4, "tile_px": 64, "mpp": 0.5}
SIMULATION = {
    "seed": 11, "n_patients": PATIENTS, "n_genes": 750, "slices_min": 1, "slices_max": 1, "pixels": 16,
    "genes_drive_images": True, "slides": True,
}  # fmt: skip


@dataclass
class Tally:
    """What was seen."""

    kills: int = 0
    in_shard: int = 0
    most: int = 0
    left: int = 0
    fresh: int = 1
    wrong: list[str] = field(default_factory=list)


class Study:
    """An archive with a lock, and folders in which its slides become a shard."""

    def __init__(self, folder: Path) -> None:
        self.archive, self.lock = folder / "archive", folder / "slides.json"
        self.reference, self.tree = folder / "kept", folder / "tree"
        simulate = ["mgi_standin", "simulate", "--settings", json.dumps(SIMULATION)]
        self._done([*simulate, "--output", str(self.archive / "archive.json")])
        asked = ["--modality", "slides", "--settings", json.dumps(OWN), "--archive", str(self.archive)]
        self._done(["mgi", "lock", *asked, "--output", str(self.lock)])
        self._done(self.fetching(self.reference, keep=True))
        for part in range(1, PARTS + 1):
            self._done(self.sharding(self.reference, part))
        self.expected = shard_of(self.reference)

    def fetching(self, tree: Path, *, keep: bool = False) -> list[str]:
        """The command that brings all slides."""
        asked = ["--settings", json.dumps({**OWN, "keep": keep}), "--archive", str(self.archive)]
        where = ["--lock", str(self.lock), "--batch", "1-of-1", "--output", str(index_of(tree))]
        return ["mgi", "fetch", "--modality", "slides", *asked, *where]

    def sharding(self, tree: Path, part: int) -> list[str]:
        """The command that writes one part."""
        name = f"{part}-of-{PARTS}"
        stored = json.dumps({key: OWN[key] for key in ("tile_px", "mpp")})
        asked = ["--settings", stored, "--lock", str(self.lock), "--index", str(index_of(tree)), "--part", name]
        files = [str(tree / f"shard/part-{name}.{ending}") for ending in ("parquet", "png", "json")]
        return ["mgi", "shard", "--modality", "slides", *asked, "--output", *files]

    def start(self, command: Sequence[str]) -> "subprocess.Popen[str]":
        """The command as the head of a process group."""
        paths = {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
        return subprocess.Popen(
            [sys.executable, "-m", *command], env=environment() | paths, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )  # fmt: skip

    def _done(self, command: Sequence[str]) -> None:
        running = self.start(command)
        said, _ = running.communicate()
        if running.returncode:
            raise RuntimeError(f"{' '.join(command[:2])}: exit code {running.returncode}\n{said[-3000:]}")

    def finished(self, tree: Path, tally: Tally) -> None:
        """Bring all slides and write all parts, undisturbed, and compare."""
        for command in (self.fetching(tree), *(self.sharding(tree, part) for part in range(1, PARTS + 1))):
            running = self.start(command)
            while running.poll() is None:
                tally.most = max(tally.most, len(slides_in(tree)))
                time.sleep(POLL_S)
            said, _ = running.communicate()
            if running.returncode:
                tally.wrong.append(f"the run after the kills: exit code {running.returncode}: {said[-2000:]}")
        if shard_of(tree) != self.expected:
            tally.wrong.append("the shard differs from that of slides that were kept")
        stumps = [path.name for path in tree.rglob("*") if path.name.endswith(".part")]
        if left := sorted(slides_in(tree)) + stumps:
            tally.wrong.append(f"left in the end: {', '.join(left)}")


def index_of(tree: Path) -> Path:
    """The index of the only batch."""
    return tree / "raw/slides/batch-1-of-1.json"


def slides_in(tree: Path) -> set[str]:
    """The slides on the disk, complete or not; a receipt is none."""
    folder = tree / "raw/slides/files"
    names = {path.name.removesuffix(".part") for path in (folder.iterdir() if folder.is_dir() else ())}
    return {name for name in names if name.endswith(".svs")}


def shard_of(tree: Path) -> dict[str, bytes]:
    """The finished files of the parts."""
    return {path.name: path.read_bytes() for path in (tree / "shard").glob("part-*") if path.suffix != ".part"}


def main_of(argv: list[str]) -> int:
    """Kill, finish, print one line; 1 where a promise was broken."""
    options = argparse.ArgumentParser(prog="python -m killing.slides", description=__doc__)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args(argv)
    rng, tally = random.Random(chosen.seed), Tally()
    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder))
        while tally.kills < chosen.kills and not tally.wrong:
            in_shard = tally.kills % IN_THE_SHARD == IN_THE_SHARD - 1
            (_kill_shard if in_shard else _kill_fetch)(study, rng, tally)
        study.finished(study.tree, tally)
    if tally.most > MOST_SLIDES:
        tally.wrong.append(f"{tally.most} slides on the disk at one time, expected at most {MOST_SLIDES}")
    for text in tally.wrong:
        print(text, file=sys.stderr)
    print(
        f"slides: {tally.kills} kills ({tally.kills - tally.in_shard} of a fetch, {tally.in_shard} of a shard), each "
        f"within a slide; at most {tally.most} slides on the disk, {tally.left} kills left half-written files, "
        f"{tally.fresh} fresh starts, {len(tally.wrong)} wrong"
    )
    return 1 if tally.wrong else 0


def _kill_fetch(study: Study, rng: random.Random, tally: Tally) -> None:
    """Kill a fetch some time after one of its first slides has begun to arrive, or start afresh where all are there."""
    seen: set[str] = set()
    wanted = rng.randint(1, 3)

    def within_a_slide() -> bool:
        present = slides_in(study.tree)
        tally.most = max(tally.most, len(present))
        seen.update(present)
        return len(seen) >= wanted and bool(present)

    if not _killed(study, study.fetching(study.tree), within_a_slide, rng.uniform(0, LATEST_S), tally):
        shutil.rmtree(study.tree)
        tally.fresh += 1
        return
    if index_of(study.tree).exists():
        tally.wrong.append("a killed fetch left an index")
    _check_shard(study, tally)


def _kill_shard(study: Study, rng: random.Random, tally: Tally) -> None:
    """Kill the writing of a part whose file has begun, all slides being there."""
    if not index_of(study.tree).exists():
        study._done(study.fetching(study.tree))
    part = rng.randint(1, PARTS)
    shutil.rmtree(study.tree / "shard", ignore_errors=True)
    begun = study.tree / "shard"

    def within_a_slide() -> bool:
        return begun.is_dir() and any(begun.iterdir())

    if _killed(study, study.sharding(study.tree, part), within_a_slide, rng.uniform(0, 0.02), tally):
        tally.in_shard += 1
    _check_shard(study, tally)
    index_of(study.tree).unlink()  # the next fetch finds what was made of the slides
    for path in [*(study.tree / "raw/slides/files").iterdir()][: rng.randint(0, 2 * PATIENTS)]:
        path.unlink()


def _killed(study: Study, command: Sequence[str], moment: Callable[[], bool], delay_s: float, tally: Tally) -> bool:
    """Start, wait for the moment, and kill the whole group; whether it was still running then."""
    running: Any = study.start(command)
    while running.poll() is None and not moment():
        time.sleep(POLL_S)
    end = time.monotonic() + delay_s
    while running.poll() is None and (time.monotonic() < end or not moment()):
        time.sleep(POLL_S)
    met = running.poll() is None
    if met:
        os.killpg(running.pid, signal.SIGKILL)
        tally.kills += 1
    said, _ = running.communicate()
    if not met and running.returncode:
        tally.wrong.append(f"exit code {running.returncode} without a kill: {said[-2000:]}")
    tally.most = max(tally.most, len(slides_in(study.tree)))
    tally.left += met and any(path.name.endswith(".part") for path in study.tree.rglob("*"))
    return met


def _check_shard(study: Study, tally: Tally) -> None:
    """Whatever has a final name is whole, and a record stands beside its files alone."""
    found = shard_of(study.tree)
    for name, content in found.items():
        if content != study.expected[name]:
            tally.wrong.append(f"{name} is half there")
        if name.endswith(".json") and not {name[:-5] + ending for ending in (".parquet", ".png")} <= found.keys():
            tally.wrong.append(f"{name} stands alone")


if __name__ == "__main__":
    sys.exit(main_of(sys.argv[1:]))
