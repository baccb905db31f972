"""A newcomer's steps are timed with all their processes, and one that fails says what it printed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BUSY = "for number in range(1_500_000): number * number"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A repository of one commit, whose `python` is a script that fails where it is asked for a mask."""
    folder = tmp_path / "clone"
    program = folder / ".venv/bin/python"
    program.parent.mkdir(parents=True)
    program.write_text(
        f'#!/bin/sh\necho "said $*"\ncase "$*" in *release*) exit 3;; esac\n{sys.executable} -c "{BUSY}"\n'
    )
    program.chmod(0o755)
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    for said in (("init", "--quiet"), (*who, "commit", "--quiet", "--allow-empty", "--message", "first")):
        subprocess.run(["git", *said], cwd=folder, check=True)
    return folder


def test_all_steps_are_run_where_none_is_named(benchmark, monkeypatch):
    first_use = benchmark("first_use")
    monkeypatch.setattr(sys, "argv", ["first_use"])
    said = first_use.arguments()
    assert said.steps == ["setup", "help", "demo", "again", "release", "one", "hundred", "cohort", "encoder"]
    assert (said.before, said.output) == (None, None)


def test_a_step_that_there_is_not_is_refused(benchmark, monkeypatch, capsys):
    first_use = benchmark("first_use")
    monkeypatch.setattr(sys, "argv", ["first_use", "--steps", "help", "dance"])
    with pytest.raises(SystemExit) as ended:
        first_use.arguments()
    assert ended.value.code == 2
    assert "invalid choice: 'dance'" in capsys.readouterr().err


def test_a_step_counts_its_processes_and_runs_the_clones_python(benchmark, monkeypatch, clone, tmp_path, capsys):
    first_use, record = benchmark("first_use"), tmp_path / "record.json"
    monkeypatch.setattr(sys, "argv", ["first_use", "--work", str(clone), "--steps", "help", "--output", str(record)])
    first_use.main()
    figures = json.loads(record.read_text())
    (step,) = figures["steps"]
    assert (step["name"], step["command"]) == ("help", "python -m mgi predict --help")
    assert step["cpu_seconds"] > 0.01  # of a child's child
    assert step["seconds"] > 0
    assert len(figures["commit"]) >= 8
    assert capsys.readouterr().out.startswith("help ")


def test_a_step_that_fails_says_its_command_and_what_that_printed(benchmark, clone):
    first_use = benchmark("first_use")
    with pytest.raises(RuntimeError, match=r"release: python -m mgi release .* ended with 3\nsaid -m mgi release"):
        first_use.FirstUse(clone, "python3.11").release()
