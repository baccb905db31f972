"""Read again all that a run rests on and compare it with what was recorded: fetched files, own tables, shards.

Between runs a file is trusted by its size, time and inode; this trusts nothing. Exit code 4 where anything is damaged
or missing.
"""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import read_json
from mgi.core.recorded import RecordedFile, faults_of, recorded
from mgi.locks.lock import Table, read_any_lock
from mgi.locks.raw_record import promised_files
from mgi.shards.dataset_manifest import DATASET, recorded_files

HALVES = {"expression": "table", "images": "archive"}  # a section of the config, and its key that names the own file
_IN_FOLDERS = ("nifti", "dicom")  # the sources of images whose key is modalities.flair.folder
_WRONG = "damaged or missing"

Part = tuple[str, list[RecordedFile], list[str]]


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--results", required=True, help="folder of the run, as `results` in the configuration")
    for half, key in HALVES.items():
        options.add_argument(
            f"--{half}-table",
            help=f"your own file or folder of {half} (default: {half}.{key} of the run's config.json)",
        )
    options.add_argument("--threads", type=int, default=4, help="files read at once (default: 4)")
    return options


def run(args: argparse.Namespace) -> None:
    results, total = Path(args.results), 0
    wrong: list[str] = []
    for name, files, gaps in _parts(results, {half: getattr(args, f"{half}_table") for half in HALVES}):
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


def _parts(results: Path, own: Mapping[str, str | None]) -> Iterator[Part]:
    """Every kind of file of a run with its records and the gaps among them."""
    if not (results / "locks").is_dir():
        raise BadInputError(f"{results}: no locks, expected the results folder of a run")
    for half in HALVES:
        yield from _half(results, half, _own_file(results, half, own[half]))
    for path in sorted((results / "shards").glob(f"*/{DATASET}")):
        yield f"shards {path.parent.name}", recorded_files(path), []


def _half(results: Path, half: str, own: Path | None) -> Iterator[Part]:
    """What genes or images rest on. What was not made yet is no gap, what lies behind something made is."""
    path, raw = results / "locks" / f"{half}.json", results / "raw" / half
    indexes = sorted(raw.glob("batch-*.json"))
    sharded = (results / "shards" / half / DATASET).is_file()
    if not path.is_file():
        yield f"lock {half}", [], [f"{path}: missing"] if indexes or sharded else []
        return
    lock = read_any_lock(path)
    if lock.table is not None and not (own is not None and own.is_dir()):
        yield f"own {half}", *_own_record(half, lock.table, own)
    if indexes:
        files, gaps = promised_files(lock, indexes, own)
        if files or gaps or lock.table is None:  # rows of an own file have no files of their own
            yield f"raw {half}", files, gaps
    else:
        yield f"raw {half}", [], [f"{raw}: no index, though the shards were made from one"] if sharded else []


def _own_record(half: str, table: Table, own: Path | None) -> tuple[list[RecordedFile], list[str]]:
    """The user's own file against the lock; a folder has no digest of its own, its members have."""
    if own is None:
        return [], [f"{table.name}: not given; name it with --{half}-table"]
    return [recorded(own, size=table.size, sha256=table.sha256)], []


def _own_file(results: Path, half: str, given: str | None) -> Path | None:
    config = results / "config.json"
    if given is None and config.is_file():
        section = read_json(config).get(half, {})
        given = section.get("folder" if section.get("source") in _IN_FOLDERS else HALVES[half])
    return None if given is None else Path(given)
