"""One run at a time in a results folder; what a dead run left is taken over where its death can be known."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from lib import results_lock
from lib.results_lock import HeldError, Holder, give_back, may_live, read, take, this_process

ROOT = Path(__file__).parents[2]
TAKE = "import sys; from pathlib import Path; from lib.results_lock import take, HeldError\n"


@pytest.fixture(autouse=True)
def _nothing_at_exit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(results_lock.atexit, "register", lambda *_: None)
    monkeypatch.setenv("MGI_RUN", "")


@pytest.fixture(scope="module")
def dead() -> Holder:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    return replace(this_process(), pid=ended.pid)


def held_by(results: Path, holder: Holder) -> Path:
    results.mkdir(parents=True, exist_ok=True)
    (results / ".run.lock").write_text(json.dumps(asdict(holder)))
    return results


def script(text: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    env = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT / "workflow"), str(ROOT / "src")])}
    return subprocess.Popen(
        [sys.executable, "-c", TAKE + text, *arguments],
        env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options,
    )  # fmt: skip


def test_the_lock_says_who_holds_it_and_goes_with_its_process(tmp_path: Path) -> None:
    running = script("take(Path(sys.argv[1])); print('up', flush=True); sys.stdin.read()", str(tmp_path))
    assert running.stdout is not None
    running.stdout.readline()
    with pytest.raises(HeldError) as refused:
        take(tmp_path)
    said = str(refused.value)
    assert said.startswith(f"{tmp_path}: in use by process {running.pid} on {this_process().host} since ")
    assert said.endswith(f"delete {tmp_path / '.run.lock'}")
    assert "\n" not in said
    running.communicate()
    assert list(tmp_path.iterdir()) == []


def test_a_killed_run_is_followed_by_the_next_which_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    running = script("take(Path(sys.argv[1])); print('up', flush=True); sys.stdin.read()", str(tmp_path))
    assert running.stdout is not None
    running.stdout.readline()
    running.kill()
    running.communicate()
    assert (tmp_path / ".run.lock").exists()
    take(tmp_path)
    assert f"took over the lock of a run that is no more: process {running.pid} on " in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == [".run.lock"]


def test_a_killed_run_whose_job_still_works_is_waited_for(tmp_path: Path) -> None:
    text = (
        "take(Path(sys.argv[1]))\n"
        "import subprocess; job = subprocess.Popen(['sleep', '100'])\n"
        "print(job.pid, flush=True); sys.stdin.read()"
    )
    running = script(text, str(tmp_path))
    assert running.stdout is not None
    job = int(running.stdout.readline())
    while not psutil.Process(job).environ().get(results_lock.TOKEN):  # for an instant a new process shows none
        time.sleep(0.01)
    running.kill()
    running.wait()
    try:
        with pytest.raises(HeldError, match=rf"is no more, but what it began still works; .*: kill {job}$"):
            take(tmp_path)
    finally:
        os.kill(job, 9)
    running.communicate()
    while psutil.pid_exists(job) and psutil.Process(job).status() != psutil.STATUS_ZOMBIE:
        time.sleep(0.01)
    take(tmp_path)


def test_a_run_that_was_killed_but_not_asked_for_is_no_more(tmp_path: Path) -> None:
    running = script("take(Path(sys.argv[1])); print('up', flush=True); sys.stdin.read()", str(tmp_path))
    assert running.stdout is not None
    running.stdout.readline()
    running.kill()
    os.waitid(os.P_PID, running.pid, os.WEXITED | os.WNOWAIT)  # a zombie
    take(tmp_path)
    running.communicate()


def test_a_number_that_another_process_has_now_does_not_count(dead: Holder) -> None:
    here = this_process()
    assert may_live(here)
    assert not may_live(replace(here, ticks="1"))
    assert not may_live(dead)


def test_a_run_before_the_last_boot_is_no_more(dead: Holder) -> None:
    assert not may_live(replace(this_process(), boot="another"))


@pytest.mark.parametrize("change", [{"host": "elsewhere"}, {"machine": "elsewhere"}, {"namespace": "pid:[1]"}])
def test_what_cannot_be_seen_from_here_is_left_alone(tmp_path: Path, dead: Holder, change: dict[str, str]) -> None:
    held_by(tmp_path, replace(dead, **change))
    with pytest.raises(HeldError):
        take(tmp_path)
    assert read(tmp_path / ".run.lock") == replace(dead, **change)


@pytest.mark.parametrize("text", ["", "{", "null", "[1]", '{"pid": 3}', '{"pid": "x"}', "\0"])
def test_a_lock_that_cannot_be_read_is_left_alone(tmp_path: Path, text: str) -> None:
    (tmp_path / ".run.lock").write_text(text)
    with pytest.raises(HeldError, match=r"delete that file"):
        take(tmp_path)
    assert (tmp_path / ".run.lock").read_text() == text


def test_what_a_lock_says_moves_no_terminal(tmp_path: Path, dead: Holder) -> None:
    held_by(tmp_path, replace(dead, host="\x1b[31mred\n"))
    with pytest.raises(HeldError) as refused:
        take(tmp_path)
    assert str(refused.value).isprintable()


def test_only_its_own_lock_is_given_back(tmp_path: Path, dead: Holder) -> None:
    lock = held_by(tmp_path, dead) / ".run.lock"
    give_back(lock, this_process())
    assert lock.exists()


def test_of_eight_runs_that_find_a_dead_ones_lock_one_gets_it(tmp_path: Path, dead: Holder) -> None:
    held_by(tmp_path, dead)
    text = (
        "sys.stdin.readline()\n"
        "try: take(Path(sys.argv[1])); print('mine', flush=True)\n"
        "except HeldError: print('held', flush=True)\n"
        "sys.stdin.readline()\n"
    )
    running = [script(text, str(tmp_path)) for _ in range(8)]
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    said = [process.stdout.readline().strip() for process in running if process.stdout is not None]
    assert sorted(said) == ["held"] * 7 + ["mine"]
    for process in running:
        process.communicate("end\n")
    assert list(tmp_path.iterdir()) == []


def test_without_links_the_lock_is_taken_all_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(results_lock.os, "link", refuse)
    take(tmp_path)
    with pytest.raises(HeldError):
        take(tmp_path)
