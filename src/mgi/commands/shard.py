"""Put what was fetched of a modality into one shard: unscaled, in the order of patients."""

import argparse
from importlib import import_module
from pathlib import Path

from mgi.cohort.tables import read_cohort
from mgi.commands._modalities import read_pairs
from mgi.core.errors import ConfigError
from mgi.core.section import as_mapping
from mgi.locks.lock import read_lock
from mgi.locks.raw_index import BATCHES, all_batches, read_raw_indexes
from mgi.modalities.modality import Modality
from mgi.modalities.registry import modality
from mgi.modalities.sharding import ShardJob


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--modality", required=True, help="name of its section in `modalities` of the config")
    options.add_argument("--settings", default="{}", help="what of its section only the shard reads, as JSON")
    options.add_argument("--lock", required=True, help="its lock, JSON")
    options.add_argument("--index", required=True, nargs="+", help=BATCHES)
    options.add_argument("--table", help="the user's own file or folder, where the source reads one in place")
    options.add_argument("--cohort", help="the cohort, Parquet, for modalities that store its patients alone")
    options.add_argument("--input", nargs="+", default=[], metavar="NAME=PATH", help="further files that it reads")
    options.add_argument("--threads", type=int, default=2, help="patients that are read at the same time")
    options.add_argument("--output", required=True, nargs="+", help="the files of the shard, its dataset.json last")


def run(args: argparse.Namespace) -> None:
    kind = modality(args.modality)
    if kind.shard_reads_cohort and args.cohort is None:
        raise ConfigError("--cohort: missing, expected the cohort table")
    job = ShardJob(
        lock=read_lock(args.lock, modality=kind.name),
        raw=read_raw_indexes(all_batches(args.index), kind.name),
        outputs=_outputs(kind, args.output),
        table=args.table,
        cohort=None if args.cohort is None else read_cohort(args.cohort),
        inputs=read_pairs(args.input, "--input"),
        settings=as_mapping(args.settings, "--settings"),
        threads=args.threads,
    )
    print(import_module(kind.sharding).shard(job))


def _outputs(kind: Modality, given: list[str]) -> dict[str, Path]:
    """The files to write by their stem; ConfigError where others are named than the format has."""
    paths = [Path(path) for path in given]
    if tuple(path.name for path in paths) != kind.shard_files or len({path.parent for path in paths}) > 1:
        found = ", ".join(given)
        raise ConfigError(f"--output: found {found}, expected {', '.join(kind.shard_files)} of one folder")
    return {path.stem: path for path in paths}
