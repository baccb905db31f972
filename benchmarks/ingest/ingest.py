"""Ingestion at the size of TCGA-LGG, cold, over the loopback: ours beside the peers, and each stage beside its floor.

REQUIRED INPUTS: none; the data are generated. The peers take part where they are installed
(docs/explanation/benchmarks.md).
OUTPUTS: a table, and for people and programs --output: a list of {name, value, unit, peer, ratio} (see figures.py).
A killed run goes on: what was measured lies in <folder>/measured-*.json; ours is measured again at a new commit.

    make bench-ingest
    PYTHONPATH=src python benchmarks/ingest/ingest.py --files 60 --series 10 --rounds 1 --output /tmp/ingest.json
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from fetching import (
    EXPRESSION,
    GDC_CLIENT_GROUP_BYTES,
    GDC_CLIENT_PROCESSES,
    IMAGES,
    Place,
    gdc_client,
    round_of,
    second_run,
    tcia_utils,
)
from figures import PEERS, noted, rows_of, text_of
from measured import ROOT, environment, served
from sharding import shard, shard_floor

from mgi.reporting.provenance import machine


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--folder", type=Path, default=ROOT / "build/bench-ingest", help="takes about 8 GB")
    options.add_argument("--files", type=int, default=534)
    options.add_argument("--series", type=int, default=110)
    options.add_argument("--rounds", type=int, default=3, help="of floor and ours, one after the other")
    options.add_argument("--gdc-client", type=Path, default=_from_environment("MGI_PEER_GDC_CLIENT"))
    options.add_argument("--tcia-python", type=Path, default=_from_environment("MGI_PEER_TCIA_UTILS"))
    only = "only stages whose names begin so, such as fetch-expression/round; prints the table, writes no --output"
    options.add_argument("--only", default="", metavar="STAGE", help=only)
    options.add_argument(
        "--kinds", nargs="+", choices=list(PEERS), default=list(PEERS), help="halves that are measured"
    )
    options.add_argument("--fresh", action="store_true", help="forget what was measured, keep the generated data")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/ingest.json")
    return options.parse_args()


def _from_environment(name: str) -> Path | None:
    return Path(os.environ[name]) if os.environ.get(name) else None


class Stages:
    """What was measured, on disk after every stage."""

    def __init__(self, path: Path, commit: str, only: str) -> None:
        self._path, self._commit, self._only = path, commit, only
        self._saved: dict[str, dict[str, Any]] = json.loads(path.read_text()) if path.exists() else {}

    def take(self, name: str, work: Callable[[], Any], *, ours: bool = True) -> None:
        """Measure a stage unless it was; what is ours counts only at the commit that runs now."""
        if not name.startswith(self._only):
            return
        known = self._saved.get(name)
        if known is not None and (not ours or known["commit"] == self._commit):
            return
        print(f"bench-ingest: {name}", file=sys.stderr, flush=True)
        self._saved[name] = {"commit": self._commit, "measured": work()}
        part = self._path.with_suffix(".part")
        part.write_text(json.dumps(self._saved, indent=1, sort_keys=True) + "\n")
        part.replace(self._path)

    def measured(self) -> dict[str, Any]:
        """Stage -> what it measured, of the stages that were asked for."""
        asked = (name for name in self._saved if name.startswith(self._only))
        return {name: self._saved[name]["measured"] for name in asked}


def commit_of_sources() -> str:
    """The commit, with a plus where src/ differs from it."""
    git = partial(subprocess.run, cwd=ROOT, capture_output=True, text=True, check=True)
    changed = git(["git", "status", "--porcelain", "--", "src"]).stdout.strip()
    return git(["git", "log", "-1", "--format=%h", "--", "src"]).stdout.strip() + ("+" if changed else "")


def measure_expression(stages: Stages, place: Place, args: argparse.Namespace) -> None:
    """STAR files: peers, rounds of floor and ours, the second run, the shard."""
    if args.gdc_client is not None:
        peer = partial(gdc_client, place, args.gdc_client)
        for count in GDC_CLIENT_PROCESSES:
            stages.take(f"fetch-expression/gdc-client -n {count}", partial(peer, "-n", str(count)), ours=False)
        grouped = partial(peer, "--http-chunk-size", str(GDC_CLIENT_GROUP_BYTES))
        stages.take("fetch-expression/gdc-client in groups", grouped, ours=False)
    for number in range(1, args.rounds + 1):
        stages.take(f"fetch-expression/round-{number}", partial(round_of, EXPRESSION, place))
    stages.take("second-expression", partial(second_run, EXPRESSION, place))
    stages.take("shard-expression", partial(shard, EXPRESSION, place))
    stages.take("shard-expression/floor", partial(shard_floor, EXPRESSION, place))


def measure_images(stages: Stages, place: Place, args: argparse.Namespace) -> None:
    """Series: the peer, rounds of floor and ours, the second run, the shard."""
    if args.tcia_python is not None:
        stages.take("fetch-images/tcia_utils", partial(tcia_utils, place, args.tcia_python), ours=False)
    for number in range(1, args.rounds + 1):
        stages.take(f"fetch-images/round-{number}", partial(round_of, IMAGES, place))
    stages.take("second-images", partial(second_run, IMAGES, place))
    stages.take("shard-images", partial(shard, IMAGES, place))
    stages.take("shard-images/floor", partial(shard_floor, IMAGES, place))
    # With what ours has: its library, and as many threads as it has by default.
    stages.take("shard-images/equal floor", partial(shard_floor, IMAGES, place, inflate="isal", threads=2))


def main() -> None:
    """Generate, measure what was not, print, write."""
    args = arguments()
    archive, size = args.folder / "archive", f"{args.files}-{args.series}"
    saved = args.folder / f"measured-{size}.json"
    if args.fresh:
        saved.unlink(missing_ok=True)
    maker = [sys.executable, str(Path(__file__).with_name("make_archive.py")), "--folder", str(archive)]
    maker += ["--files", str(args.files), "--series", str(args.series)]
    subprocess.run(maker, env=environment(), check=True)
    stages = Stages(saved, commit_of_sources(), args.only)
    work = args.folder / f"work-{size}"
    work.mkdir(parents=True, exist_ok=True)
    with served(archive) as server:
        place = Place(archive=archive, server=server, work=work)
        place.forget()
        if EXPRESSION.name in args.kinds:
            measure_expression(stages, place, args)
        if IMAGES.name in args.kinds:
            measure_images(stages, place, args)
        place.forget()
    if not stages.measured():
        raise SystemExit(f"bench-ingest: --only {args.only}: no stage begins so")
    rows = rows_of(stages.measured())
    if not args.only:
        args.output.parent.mkdir(parents=True, exist_ok=True)
        args.output.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"{args.files} STAR files, {args.series} series; {machine()}; sources {commit_of_sources()}")
    print(f"load of the machine when a measurement began: at most {max(noted('load', stages.measured())):.1f}")
    taken = max(noted("stolen", stages.measured()), default=0.0)
    print(f"share of the processors that the host took away during a measurement: at most {taken:.0%}")
    for peer in (PEERS[kind] for kind in args.kinds):
        if not any(peer in row["name"] for row in rows):
            print(f"{peer}: left out, since nobody says where it is; see docs/explanation/peers.md")
    print(text_of(rows))


if __name__ == "__main__":
    main()
