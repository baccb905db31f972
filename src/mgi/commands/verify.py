"""Read again all that a run rests on and compare it with what was recorded: fetched files, own tables, shards.

Between runs a file is trusted by its size, time and inode; this trusts nothing. Exit code 4 where anything is damaged
or missing.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from mgi.commands._modalities import read_pairs
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import read_json
from mgi.core.receipt import RecordedFile, faults_of
from mgi.locks.lock import read_lock
from mgi.locks.raw_index import promised_files
from mgi.modalities.registry import modality, names
from mgi.shards.dataset_manifest import DATASET, recorded_files

_WRONG = "damaged or missing"

Part = tuple[str, list[RecordedFile], list[str]]


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--results", required=True, help="folder of the run, as `results` in the configuration")
    options.add_argument(
        "--table",
        nargs="+",
        default=[],
        metavar="MODALITY=PATH",
        help="your own file or folder of a modality (default: the one in the run's config.json)",
    )
    options.add_argument("--threads", type=int, default=4, help="files read at once (default: 4)")


def run(args: argparse.Namespace) -> None:
    results, total = Path(args.results), 0
    wrong: list[str] = []
    for name, files, gaps in _parts(results, read_pairs(args.table, "--table")):
        faults = [*gaps, *faults_of(files, threads=args.threads)]
        right = "all right" if files else "nothing yet"
        print(f"{name}: {len(files)} files: " + (f"{len(faults)} {_WRONG}, first: {faults[0]}" if faults else right))
        total += len(files)
        wrong += faults
    if wrong:
        raise IntegrityError(
            f"{results}: {len(wrong)} {_WRONG}, {total} files read, first: {wrong[0]}; "
            "delete what is damaged and force its rule"
        )


def _parts(results: Path, own: Mapping[str, str]) -> Iterator[Part]:
    """Every kind of file of a run with its records and the gaps among them."""
    if not (results / "locks").is_dir():
        raise BadInputError(f"{results}: no locks, expected the results folder of a run")
    path = results / "config.json"  # not there before the run has written it
    found = read_json(path).get("modalities", {}) if path.is_file() else {}
    sections = {name: found[name] for name in names() if name in found}
    for name in sections or names():
        kind = modality(name)
        given = own.get(name) or (kind.own_path(sections[name]) if name in sections else None)
        yield from _of_modality(results, name, None if given is None else Path(given))
    for path in sorted((results / "shards").glob(f"*/{DATASET}")):
        yield f"shards {path.parent.name}", recorded_files(path), []


def _of_modality(results: Path, name: str, own: Path | None) -> Iterator[Part]:
    """What a modality rests on. What was not made yet is no gap, what lies behind something made is."""
    path, raw = results / "locks" / f"{name}.json", results / "raw" / name
    indexes = sorted(raw.glob("batch-*.json"))
    sharded = (results / "shards" / name / DATASET).is_file()
    if not path.is_file():
        yield f"lock {name}", [], [f"{path}: missing"] if indexes or sharded else []
        return
    lock = read_lock(path, modality=name)
    if lock.table is not None and own is None:
        yield f"own {name}", [], [f"{lock.table.name}: not given; name it with --table {name}=PATH"]
    elif lock.table is not None and own is not None and not own.is_dir():  # a folder has no digest, its members have
        yield f"own {name}", [RecordedFile(own, size=lock.table.size, sha256=lock.table.sha256)], []
    if indexes:
        files, gaps = promised_files(lock, indexes, own)
        if files or gaps or lock.table is None:  # rows of an own file have no files of their own
            yield f"raw {name}", files, gaps
    else:
        yield f"raw {name}", [], [f"{raw}: no index, though the shards were made from one"] if sharded else []
