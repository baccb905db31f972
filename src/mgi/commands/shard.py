"""Put what was fetched of a modality into one shard, or one part of it: unscaled, in the order of patients."""

import argparse
from importlib import import_module
from pathlib import Path

from mgi.cohort.pairing import present_of
from mgi.commands._modalities import read_pairs
from mgi.core.errors import ConfigError
from mgi.core.ids import named_patient
from mgi.core.parts import numbers_of, part_of
from mgi.core.section import as_mapping
from mgi.locks.lock import read_lock
from mgi.locks.raw_index import BATCHES, all_batches, read_raw_indexes
from mgi.modalities.modality import Modality
from mgi.modalities.offer import offer_of
from mgi.modalities.registry import modality
from mgi.modalities.sharding import ShardJob


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--modality", required=True, help="name of its section in `modalities` of the config")
    options.add_argument("--settings", default="{}", help="what of its section only the shard reads, as JSON")
    options.add_argument("--lock", required=True, help="its lock, JSON")
    options.add_argument("--index", required=True, nargs="+", help=BATCHES)
    options.add_argument("--table", help="the user's own file or folder, where the source reads one in place")
    options.add_argument("--part", help="which part of a shard of images, such as 1-of-4; the id says who lies in it")
    options.add_argument(
        "--exclude", nargs="*", default=[], help="patients whom the part leaves out, as the cohort does"
    )
    options.add_argument("--input", nargs="+", default=[], metavar="NAME=PATH", help="further files that it reads")
    options.add_argument("--threads", type=int, default=2, help="patients that are read at the same time")
    options.add_argument("--output", required=True, nargs="+", help="the files of the shard or part, the JSON last")


def run(args: argparse.Namespace) -> None:
    kind = modality(args.modality)
    if kind.in_parts != (args.part is not None):
        found, expected = ("missing", "one such as 1-of-1") if kind.in_parts else (repr(args.part), "none")
        raise ConfigError(
            f"--part: {found}, expected {expected} for {kind.name}, whose shard is of {kind.shard_format}"
        )
    lock = read_lock(args.lock, modality=kind.name)
    raw = read_raw_indexes(all_batches(args.index), kind.name)
    patients = {}
    if args.part is not None:
        (_, count), excluded = numbers_of(args.part, "--part"), set(map(named_patient, args.exclude))
        patients = present_of(
            offer_of(kind, lock, raw), lambda one: part_of(one, count) == args.part and one not in excluded
        )
    job = ShardJob(
        lock=lock,
        raw=raw,
        outputs=_outputs(kind, args.part, args.output),
        table=args.table,
        part=args.part or "",
        patients=patients,
        inputs=read_pairs(args.input, "--input"),
        settings=as_mapping(args.settings, "--settings"),
        threads=args.threads,
    )
    print(import_module(kind.sharding).shard(job))


def _outputs(kind: Modality, part: str | None, given: list[str]) -> dict[str, Path]:
    """The files to write by name; ConfigError where others are named than the format has."""
    paths, files = [Path(path) for path in given], kind.shard_files(part)
    if [path.name for path in paths] != [*files.values()] or len({path.parent for path in paths}) > 1:
        raise ConfigError(f"--output: found {', '.join(given)}, expected {', '.join(files.values())} of one folder")
    return dict(zip(files, paths, strict=True))
