"""Snakemake's lock is removed for a run that is known to be no more, and for no other."""

import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from lib.results_lock import Holder, this_process
from lib.stale_lock import FREE, HELD, STALE, verdict

DEMO = Path("results/demo")


@pytest.fixture(scope="module")
def dead() -> Holder:
    """What a run that has ended wrote of itself."""
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return replace(this_process(), pid=ended.pid)


def locked(folder: Path, results: Path, holder: Holder | None, number: int = 0) -> Path:
    """As Snakemake and we lock a results folder."""
    locks = folder / ".snakemake/locks"
    locks.mkdir(parents=True, exist_ok=True)
    (locks / f"{number}.input.lock").write_text("raw/table.tsv\n")
    (locks / f"{number}.output.lock").write_text(f"{results}/tables/cohort.parquet\n{results}/report.html\n")
    (folder / results).mkdir(parents=True, exist_ok=True)
    note = folder / results / ".run.lock"
    if holder is not None:
        note.write_text(json.dumps(asdict(holder)))
    return note


def test_no_lock_and_an_empty_lock_folder_are_free(tmp_path: Path) -> None:
    assert verdict(tmp_path, DEMO) == (FREE, "")
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    assert verdict(tmp_path, DEMO) == (FREE, "")


def test_the_lock_of_a_run_that_is_no_more_is_stale(tmp_path: Path, dead: Holder) -> None:
    locked(tmp_path, DEMO, dead)
    assert verdict(tmp_path, DEMO) == (STALE, "")


def test_the_lock_of_a_run_that_lives_is_held_and_its_holder_named(tmp_path: Path) -> None:
    note = locked(tmp_path, DEMO, this_process())
    code, said = verdict(tmp_path, DEMO)
    assert code == HELD
    assert f"process {this_process().pid} on " in said
    assert f"delete {note}" in said
    assert "snakemake --unlock" in said


def test_the_lock_of_another_host_is_held(tmp_path: Path, dead: Holder) -> None:
    locked(tmp_path, DEMO, replace(dead, host="elsewhere"))
    code, said = verdict(tmp_path, DEMO)
    assert (code, " on elsewhere since " in said) == (HELD, True)


@pytest.mark.parametrize("note", ["", "{", "[]", '{"pid": 1}'])
def test_a_lock_that_cannot_be_read_is_held(tmp_path: Path, dead: Holder, note: str) -> None:
    locked(tmp_path, DEMO, dead).write_text(note)
    assert verdict(tmp_path, DEMO)[0] == HELD


def test_a_lock_of_which_nothing_says_whose_it_is_is_held(tmp_path: Path) -> None:
    locked(tmp_path, DEMO, None)
    assert verdict(tmp_path, DEMO)[0] == HELD
    for lock in (tmp_path / ".snakemake/locks").glob("*.output.lock"):
        lock.unlink()
    assert verdict(tmp_path, DEMO)[0] == HELD


def test_a_run_on_another_results_folder_is_no_hindrance_and_its_lock_is_not_taken_away(
    tmp_path: Path, dead: Holder
) -> None:
    locked(tmp_path, Path("results/another"), replace(dead, host="elsewhere"), number=1)
    assert verdict(tmp_path, DEMO) == (FREE, "")
    locked(tmp_path, DEMO, dead)
    assert verdict(tmp_path, DEMO)[0] == HELD


def test_a_snakemake_at_work_in_the_checkout_keeps_its_lock(tmp_path: Path, dead: Holder) -> None:
    locked(tmp_path, DEMO, dead)
    stand_in = tmp_path / "snakemake"
    stand_in.write_text("import sys; print('up', flush=True); sys.stdin.read()")
    alive = subprocess.Popen(
        [sys.executable, str(stand_in)], cwd=tmp_path, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    with alive:
        assert alive.stdout is not None
        alive.stdout.readline()
        assert verdict(tmp_path, DEMO)[0] == HELD
        alive.terminate()
    assert verdict(tmp_path, DEMO)[0] == STALE
