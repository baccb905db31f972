"""Our two sharding stages and their floors, over what was fetched."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from fetching import EXPRESSION, IMAGES, Kind, Place
from measured import environment, measure, mgi

Result = dict[str, Any]


def shard_command(kind: Kind, place: Place) -> list[str | Path]:
    """Our stage; images need the cohort, which is of those that have an image, with a mask or without."""
    lock, index = place.work / f"{kind.name}.lock.json", place.work / kind.name / "index.json"
    folder = shard_of(kind, place).parent
    written = {"dataset": folder / "dataset.json"}
    if kind is EXPRESSION:
        written |= {"values": shard_of(kind, place), "genes": folder / "genes.parquet"}
        return mgi("shard-expression", lock=lock, index=index, positions=place.archive / "genes.tsv", **written)
    return mgi(
        "shard-images",
        lock=lock,
        index=index,
        cohort=place.work / "cohort.parquet",
        slices=shard_of(kind, place),
        **written,
    )


def shard_of(kind: Kind, place: Place) -> Path:
    """The large file of a shard."""
    return place.work / "shards" / kind.name / ("values.parquet" if kind is EXPRESSION else "slices.parquet")


def make_cohort(place: Place) -> None:
    """Pair what was fetched. Nobody has a mask here: the command writes its table, and then refuses to go on."""
    of = {kind.name: place.work / kind.name / "index.json" for kind in (EXPRESSION, IMAGES)}
    table = place.work / "cohort.parquet"
    table.unlink(missing_ok=True)
    command = mgi(
        "cohort",
        expression_lock=place.work / "expression.lock.json",
        image_lock=place.work / "images.lock.json",
        expression_index=of["expression"],
        image_index=of["images"],
        output=table,
        tsv=place.work / "cohort.tsv",
    )
    told = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    if not table.exists():
        raise RuntimeError(f"cohort: {told.stdout}{told.stderr}")


def shard(kind: Kind, place: Place) -> Result:
    """Make the shard; `rows` patients or slices."""
    if kind is IMAGES:
        make_cohort(place)
    cost = measure(shard_command(kind, place), place.work / f"shard-{kind.name}.log")
    described = json.loads((shard_of(kind, place).parent / "dataset.json").read_text())
    return {**cost.as_json(), "rows": described["rows"], "mb": round(shard_of(kind, place).stat().st_size / 1e6, 1)}


def shard_floor(kind: Kind, place: Place) -> Result:
    """Read what goes in, write what came out."""
    log, copied = place.work / f"shard-{kind.name}-floor.log", place.work / "floor.parquet"
    script = Path(__file__).with_name("write_floor.py")
    measure(
        [sys.executable, script, "--raw", place.work / kind.name, "--shard", shard_of(kind, place), "--output", copied],
        log,
    )
    copied.unlink()
    spent: Result = json.loads(log.read_text().splitlines()[-1])
    return spent
