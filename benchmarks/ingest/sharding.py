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
    given = mgi("shard", modality=kind.modality, lock=lock, index=index)
    folder = shard_of(kind, place).parent
    if kind is EXPRESSION:
        given += ["--settings", '{"unit": "tpm"}', "--input", f"positions={place.archive / 'genes.tsv'}"]
        return [*given, "--output", *(folder / name for name in ("values.parquet", "features.parquet", "dataset.json"))]
    given += ["--cohort", place.work / "cohort.parquet"]
    return [*given, "--output", *(folder / name for name in ("slices.parquet", "dataset.json"))]


def shard_of(kind: Kind, place: Place) -> Path:
    """The large file of a shard."""
    return place.work / "shards" / kind.name / ("values.parquet" if kind is EXPRESSION else "slices.parquet")


def make_cohort(place: Place) -> None:
    """Pair what was fetched. Nobody has a mask here, so that only expression is required."""
    locks = [place.work / f"{kind.name}.lock.json" for kind in (EXPRESSION, IMAGES)]
    indexes = [place.work / kind.name / "index.json" for kind in (EXPRESSION, IMAGES)]
    table = place.work / "cohort.parquet"
    table.unlink(missing_ok=True)
    command = mgi("cohort", output=table, tsv=place.work / "cohort.tsv")
    command += ["--lock", *locks, "--index", *indexes, "--require", "rna"]
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
