"""Fetch the items of a batch in parallel: what is in place is kept, what fails is named, nothing is left out."""

import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from tqdm import tqdm

from mgi.core.errors import MgiError, NetworkError, ResourceError
from mgi.core.files import sync
from mgi.locks.item import Item
from mgi.locks.raw_index import RawEntry
from mgi.locks.source import Source

Outcome = RawEntry | MgiError | None
Advance = Callable[[int], None]

_NAMED_FAILURES = 20


@contextmanager
def progress(total: int, label: str) -> Iterator[Advance]:
    """What counts an item that is done, with its bytes: on a terminal as a bar, in a log as a line for every tenth."""
    done, n_bytes = 0, 0
    is_log = not sys.stderr.isatty()
    with tqdm(total=total, desc=label, unit="item", disable=None, leave=False) as bar:

        def advance(more: int) -> None:
            nonlocal done, n_bytes
            done, n_bytes = done + 1, n_bytes + more
            bar.update()
            if is_log and 10 * done // total > 10 * (done - 1) // total:
                moved = f", {n_bytes / 1e6:.1f} MB" if n_bytes >= 50_000 else ""  # rows of a table have no bytes
                sys.stderr.write(f"{label}: {done} of {total} items{moved}\n")

        yield advance


def fetch_batch(source: Source, items: Sequence[Item], folder: Path, *, threads: int, label: str) -> list[RawEntry]:
    """The verified entries of all items, in their order.

    A failing item does not stop the others. Raises one error that names every missing item, and ResourceError where
    the disk is too small.
    """
    with progress(len(items), label) as advance, ThreadPoolExecutor(max_workers=threads) as pool:
        known = _run(pool, [partial(_outcome, source.verify, item, folder) for item in items])
        entries = {item.key: entry for item, entry in zip(items, known, strict=True) if isinstance(entry, RawEntry)}
        missing = [item for item in items if item.key not in entries]
        for entry in entries.values():
            advance(entry.size)
        if source.stores_bytes:
            refuse_full_disk(folder, sum(item.size for item in missing))
        fetched: list[Outcome] = _run(
            pool, [partial(_outcome, source.fetch, item, folder) for item in missing], advance
        )
    failures = [outcome for outcome in (*known, *fetched) if isinstance(outcome, MgiError)]
    if failures:
        raise _summary(failures, len(items))
    entries |= {item.key: entry for item, entry in zip(missing, fetched, strict=True) if isinstance(entry, RawEntry)}
    # On the disk is what the index is about to name, bytes before names.
    paths = [one.path for one in fetched if isinstance(one, RawEntry) and one.path is not None]
    for path in paths:
        sync(path)
    for parent in {path.parent for path in paths}:
        sync(parent)
    return [entries[item.key] for item in items]


def _run(
    pool: ThreadPoolExecutor,
    actions: Sequence[Callable[[], Outcome]],
    advance: Advance = lambda _: None,
) -> list[Outcome]:
    """What each action returned or, where it failed in a named way, its error.

    A failure that no other item can escape (a full disk, no memory) is raised at once, one that nobody foresaw when the
    others are done: it may be the item's.
    """
    futures = [pool.submit(action) for action in actions]
    try:
        for future in as_completed(futures):
            failure = future.exception()
            if isinstance(failure, OSError | MemoryError) or not isinstance(failure, Exception | None):
                raise failure
            done = None if failure is not None else future.result()
            advance(done.size if isinstance(done, RawEntry) else 0)
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    return [future.result() for future in futures]


def _outcome(action: Callable[[Item, Path], RawEntry | None], item: Item, folder: Path) -> Outcome:
    try:
        return action(item, folder)
    except MgiError as error:
        return error
    except Exception as error:
        error.add_note(f"{item.patient_id}: {item.key}")
        raise


def _summary(failures: Sequence[MgiError], total: int) -> MgiError:
    kinds = {type(error) for error in failures}
    kind = kinds.pop() if len(kinds) == 1 else NetworkError
    named = sorted(str(error) for error in failures)
    more = f" … and {len(named) - _NAMED_FAILURES} more" if len(named) > _NAMED_FAILURES else ""
    return kind(f"{len(failures)} of {total} items missing: " + "; ".join(named[:_NAMED_FAILURES]) + more)


def refuse_full_disk(folder: Path, need: int) -> None:
    """Raise ResourceError where `folder` has fewer than `need` bytes free."""
    existing = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(existing).free
    if free < need:
        raise ResourceError(
            f"{folder}: needs {need / 1e9:.2f} GB, {free / 1e9:.2f} GB are free; make room and run again"
        )
