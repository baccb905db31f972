"""Shards of tables of features, made by `mgi shard` from files of a few patients or from a user's table."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from mgi.cli import parser_of
from mgi.commands import shard as shard_command
from mgi.locks.lock import Lock, Table
from mgi.shards.feature_shard import OpenFeatures, open_features
from small_locks import fetched, profile, write_index, write_lock


def shard_of_files(
    folder: Path, modality: str, contents: Mapping[str, str], inputs: Sequence[str] = ()
) -> OpenFeatures:
    """The shard of one file a patient, fetched from the GDC."""
    (folder / "files").mkdir(parents=True, exist_ok=True)
    items, raw = [], []
    for patient, content in contents.items():
        path = folder / "files" / f"{patient}.txt"
        path.write_text(content)
        items.append(profile(patient, key=f"f-{patient}", role=modality))
        digest = hashlib.sha256(content.encode()).hexdigest()
        raw.append(fetched(items[-1], path=f"files/{patient}.txt", sha256=digest))
    lock = Lock(modality=modality, source="gdc", simulated=True, items=tuple(items))
    write_lock(folder / "lock.json", lock)
    write_index(folder / "index.json", modality, raw, "gdc")
    return _shard(folder, modality, ["--input", *inputs] if inputs else [])


def shard_of_table(
    folder: Path,
    modality: str,
    table: Path,
    samples: Mapping[str, str],
    inputs: Sequence[str] = (),
    settings: Mapping[str, object] | None = None,
) -> OpenFeatures:
    """The shard of a user's table; `samples` has the label of each patient, `settings` are what the shard reads."""
    items = [profile(patient, key=label, role=modality, sample=None, md5=None) for patient, label in samples.items()]
    digest = hashlib.sha256(table.read_bytes()).hexdigest()
    pin = Table(name=table.name, sha256=digest, size=table.stat().st_size)
    lock = Lock(modality=modality, source="matrix", simulated=False, table=pin, items=tuple(items))
    write_lock(folder / "lock.json", lock)
    write_index(folder / "index.json", modality, [fetched(one, path=None, sha256=digest) for one in items], "matrix")
    more = ["--table", str(table), "--settings", json.dumps(settings or {})]
    return _shard(folder, modality, [*more, *(["--input", *inputs] if inputs else [])])


def _shard(folder: Path, modality: str, more: Sequence[str]) -> OpenFeatures:
    outputs = [str(folder / "shard" / name) for name in ("values.parquet", "features.parquet", "dataset.json")]
    given = ["--modality", modality, "--lock", str(folder / "lock.json"), "--index", str(folder / "index.json")]
    shard_command.run(parser_of(shard_command).parse_args([*given, *more, "--output", *outputs]))
    return open_features(folder / "shard")
