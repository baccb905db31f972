"""Read again every file that a stage or the report reads of a results folder, and compare it with what was recorded.

Between runs a fetched file is trusted by its size, time and inode; this trusts nothing. Each file that is damaged or
missing gets a line with what makes it again. Exit code 4 where there is one.
"""

import argparse
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mgi.commands._modalities import read_pairs
from mgi.core.errors import BadInputError, IntegrityError, MgiError
from mgi.core.files import read_json
from mgi.core.mending import mend_of
from mgi.core.receipt import RecordedFile, faults_of
from mgi.locks.lock import read_lock
from mgi.locks.raw_index import promised_files
from mgi.modalities.registry import modality, names
from mgi.reporting.whole_results import fault_of, kinds_of
from mgi.shards.dataset_manifest import DATASET, recorded_files

_WRONG = "damaged or missing"
_EXTERNAL, _ALIGNED = "external", "aligned"

Part = tuple[str, int, list[str]]
"""What was read, how many files that were, and a line for each that is wrong."""


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
    if not (results / "locks").is_dir():
        raise BadInputError(f"{results}: no locks, expected the results folder of a run")
    wrong: list[str] = []
    with ThreadPoolExecutor(max_workers=args.threads) as pool:
        for name, count, faults in _parts(results, read_pairs(args.table, "--table"), pool, args.threads):
            right = "all right" if count else "nothing yet"
            print(f"{name}: {count} files: " + (f"{len(faults)} {_WRONG}" if faults else right))
            print("".join(f"  {fault}\n" for fault in faults), end="")
            total += count
            wrong += faults
    print(f"{total} files read, {len(wrong)} {_WRONG}")
    if wrong:
        raise IntegrityError(
            f"{results}: {len(wrong)} {_WRONG}, {total} files read, first: {wrong[0]}"
            + ("; the others are named above" if len(wrong) > 1 else "")
        )


def _parts(results: Path, own: Mapping[str, str], pool: ThreadPoolExecutor, threads: int) -> Iterator[Part]:
    """Every kind of file of a run, then of the other archive's part of it."""
    yield from _of_folder(results, "modalities", own, pool, threads, external=False)
    if (results / _EXTERNAL).is_dir():
        for name, count, faults in _of_folder(results / _EXTERNAL, _EXTERNAL, {}, pool, threads, external=True):
            yield f"{_EXTERNAL} {name}", count, faults


def _of_folder(
    results: Path, section: str, own: Mapping[str, str], pool: ThreadPoolExecutor, threads: int, *, external: bool
) -> Iterator[Part]:
    for name, files in kinds_of(results):
        found = pool.map(lambda file: fault_of(*file), files)
        if files:
            yield name, len(files), [fault for fault in found if fault is not None]
    sections = _sections(results.parent if external else results, section)
    for name in sections or _traced(results):
        kind = modality(name)
        given = own.get(name) or (kind.own_path(sections[name]) if name in sections else None)
        yield from _of_modality(results, name, None if given is None else Path(given), threads)
    for path in sorted([*(results / "shards").glob(f"*/{DATASET}"), *results.glob(f"{_ALIGNED}/{DATASET}")]):
        yield _compared(f"shards {path.parent.name}", path, threads)


def _traced(results: Path) -> list[str]:
    """The modalities of which there is anything, where no config says which were asked for."""
    return [
        name for name in names()
        if any((results / place).exists() for place in (f"locks/{name}.json", f"raw/{name}", f"shards/{name}"))
    ]  # fmt: skip


def _sections(results: Path, section: str) -> dict[str, Mapping[str, object]]:
    """The modalities' sections of the run's config; none before the run has written it, or where it is damaged."""
    try:
        config = read_json(results / "config.json")
    except MgiError:
        return {}  # named where the file itself is checked
    found = config.get(section) or {}
    found = found.get("modalities", {}) if section == _EXTERNAL else found
    return {name: found[name] for name in names() if found.get(name) is not None}


def _compared(label: str, dataset: Path, threads: int) -> Part:
    """The files of a shard."""
    try:
        files = recorded_files(dataset)
    except MgiError as error:
        return label, 1, [f"{error}"]
    return label, len(files), [f"{fault}; {mend_of(dataset)}" for fault in faults_of(files, threads=threads)]


def _of_modality(results: Path, name: str, own: Path | None, threads: int) -> Iterator[Part]:
    """What a modality rests on. What was not made yet is no gap, what lies behind something made is."""
    path, raw = results / "locks" / f"{name}.json", results / "raw" / name
    indexes = sorted(raw.glob("batch-*.json"))
    sharded = (results / "shards" / name / DATASET).is_file()
    if not path.is_file():
        gaps = [f"{path}: missing; {mend_of(path)}"] if indexes or sharded else []
        yield f"lock {name}", 0, gaps
        return
    try:
        lock = read_lock(path, modality=name)
    except MgiError:
        yield f"raw {name}", 0, [f"{raw}: not compared, {path} is damaged"]
        return
    if lock.table is not None and own is None:
        yield f"own {name}", 0, [f"{lock.table.name}: not given; name it with --table {name}=PATH"]
    elif lock.table is not None and own is not None and not own.is_dir():  # a folder has no digest, its members have
        faults = faults_of([RecordedFile(own, size=lock.table.size, sha256=lock.table.sha256)], threads=threads)
        yield f"own {name}", 1, [f"{fault}; bring back the file that was locked, or lock again" for fault in faults]
    mend = mend_of(raw / "any")
    if not indexes:
        gaps = [f"{raw}: no index, though the shards were made from one; {mend}"] if sharded else []
        yield f"raw {name}", 0, gaps
        return
    try:
        files, gaps = promised_files(lock, indexes, own)
    except MgiError:
        yield f"raw {name}", 0, [f"{raw}: not compared, an index is damaged"]
        return
    if files or gaps or lock.table is None:  # rows of an own file have no files of their own
        faults = [*gaps, *faults_of(files, threads=threads)]
        yield f"raw {name}", len(files), [f"{fault}; {mend}" for fault in faults]
