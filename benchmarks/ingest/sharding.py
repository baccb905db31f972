"""Our two sharding stages and their floors, over what was fetched."""

import json
import sys
from pathlib import Path
from typing import Any

from fetching import EXPRESSION, Kind, Place
from measured import measure, mgi

PART, RECORD = "part-1-of-1.parquet", "part-1-of-1.json"
Result = dict[str, Any]


def shard_command(kind: Kind, place: Place) -> list[str | Path]:
    """Our stage; images in one part, of all who have one, with a mask or without."""
    lock, index = place.work / f"{kind.name}.lock.json", place.work / kind.name / "index.json"
    given = mgi("shard", modality=kind.modality, lock=lock, index=index)
    folder = shard_of(kind, place).parent
    if kind is EXPRESSION:
        given += ["--settings", '{"unit": "tpm"}', "--input", f"positions={place.archive / 'genes.tsv'}"]
        return [*given, "--output", *(folder / name for name in ("values.parquet", "features.parquet", "dataset.json"))]
    return [*given, "--part", "1-of-1", "--output", *(folder / name for name in (PART, RECORD))]


def shard_of(kind: Kind, place: Place) -> Path:
    """The large file of a shard."""
    return place.work / "shards" / kind.name / ("values.parquet" if kind is EXPRESSION else PART)


def shard(kind: Kind, place: Place) -> Result:
    """Make the shard; `rows` patients or slices."""
    cost, made = measure(shard_command(kind, place), place.work / f"shard-{kind.name}.log"), shard_of(kind, place)
    described = json.loads(made.with_name("dataset.json" if kind is EXPRESSION else RECORD).read_text())
    rows = described["files"][made.name]["rows"]
    return {**cost.as_json(), "rows": rows, "mb": round(made.stat().st_size / 1e6, 1)}


def shard_floor(kind: Kind, place: Place, *, inflate: str = "zlib", threads: int = 1) -> Result:
    """Read what goes in, write what came out."""
    log, copied = place.work / f"shard-{kind.name}-floor.log", place.work / "floor.parquet"
    script = Path(__file__).with_name("write_floor.py")
    command = [sys.executable, script, "--raw", place.work / kind.name, "--shard", shard_of(kind, place)]
    command += ["--output", copied, "--inflate", inflate, "--threads", str(threads)]
    measure(command, log)
    copied.unlink()
    spent: Result = json.loads(log.read_text().splitlines()[-1])
    return spent
