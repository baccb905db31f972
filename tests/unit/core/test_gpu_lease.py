"""GPUs for each job of a machine, with a machine of as many GPUs as a false nvidia-smi says."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import mgi
from mgi.core import gpu_lease
from mgi.core.errors import ResourceError
from mgi.core.gpu_lease import VISIBLE, leased, lock_folder, main, seen

# It says what it got, and holds it until it is told to end.
HOLDS = "import os; os.write(1, (os.environ.get('CUDA_VISIBLE_DEVICES', '') + '\\n').encode()); input()"


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with three GPUs."""
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\nprintf 'GPU-a\\nGPU-b\\nGPU-c\\n'\n")
    tool.chmod(0o700)
    return {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(Path(mgi.__file__).parents[1])}


class Job:
    """A command behind the lease, with locks in a folder of the test."""

    def __init__(self, count: int, machine: dict[str, str], folder: Path) -> None:
        patched = (
            "import sys, pathlib; from mgi.core import gpu_lease as g; "
            f"g.lock_folder = lambda: pathlib.Path({str(folder)!r}); g.LOOK_AGAIN_S = 0.05; "
            "sys.exit(g.main(sys.argv[1:]))"
        )
        command = [sys.executable, "-c", patched, str(count), sys.executable, "-c", HOLDS]
        self.process = subprocess.Popen(
            command, env=machine, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def gpus(self) -> list[str]:
        """What it got, once it got it."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip().split(",")

    def waits(self) -> bool:
        """Whether it says that it waits."""
        assert self.process.stderr is not None
        return "waiting" in self.process.stderr.readline()

    def end(self) -> None:
        """Let the command end."""
        self.process.communicate("\n")


@pytest.fixture
def jobs() -> Iterator[list[Job]]:
    started: list[Job] = []
    yield started
    for job in started:
        job.process.kill()
        job.process.communicate()


def test_jobs_on_one_machine_have_gpus_of_their_own_and_a_killed_one_gives_its_back(
    machine: dict[str, str], jobs: list[Job], tmp_path: Path
) -> None:
    def start(count: int) -> Job:
        jobs.append(Job(count, machine, tmp_path))
        return jobs[-1]

    one = start(1)
    assert one.gpus() == ["GPU-a"]
    two = start(2)
    assert two.gpus() == ["GPU-b", "GPU-c"]
    third = start(1)
    assert third.waits()
    two.process.send_signal(signal.SIGKILL)
    assert third.gpus() == ["GPU-b"]
    last = start(2)
    assert last.waits()  # it holds no half: one is free, and another may take it
    fourth = start(1)
    assert fourth.gpus() == ["GPU-c"]
    fourth.end()
    one.end()
    assert last.gpus() == ["GPU-a", "GPU-c"]


def test_the_command_takes_the_place_of_the_lease_and_its_exit_code_is_that_of_the_job(machine: dict[str, str]) -> None:
    command = [sys.executable, "-m", "mgi.core.gpu_lease", "0", "bash", "-c", "echo $$; exit 75"]
    with subprocess.Popen(command, env=machine, stdout=subprocess.PIPE, text=True) as done:
        assert done.stdout is not None
        assert int(done.stdout.read()) == done.pid
    assert done.returncode == 75


def test_without_a_wish_or_without_any_gpu_nothing_is_leased(tmp_path: Path) -> None:
    assert leased(0, {VISIBLE: "0,1"}, tmp_path) == []
    assert leased(2, {"PATH": str(tmp_path)}, tmp_path) == []  # the command itself says that there is none
    assert list(tmp_path.iterdir()) == []


def test_what_the_user_or_the_scheduler_shows_is_respected(machine: dict[str, str], tmp_path: Path) -> None:
    assert seen(machine) == ["GPU-a", "GPU-b", "GPU-c"]
    assert seen(machine | {VISIBLE: "2, 5"}) == ["2", "5"]
    assert leased(2, machine | {VISIBLE: "2,5", "SLURM_JOB_ID": "7"}, tmp_path) == []
    assert leased(4, machine | {"SLURM_JOB_ID": "7"}, tmp_path) == []  # of several machines' 4 these are here
    assert leased(1, machine | {VISIBLE: "2,5", "SLURM_JOB_ID": "7"}, tmp_path) == ["2"]  # one of several in a job


def test_more_than_the_machine_has_is_one_line(machine: dict[str, str], capsys, monkeypatch, tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"4 GPUs asked for, found 3 .*GPU-c"):
        leased(4, machine, tmp_path)
    monkeypatch.setenv(VISIBLE, "0")
    monkeypatch.setattr(gpu_lease, "lock_folder", lambda: tmp_path)
    assert main(["2", "true"]) == 6
    assert main(["two", "true"]) == 2
    said = capsys.readouterr().err.splitlines()
    assert [line.startswith("mgi gpu-lease: ") for line in said] == [True, True]


def test_a_folder_of_locks_that_another_user_made_is_refused(monkeypatch) -> None:
    folder = lock_folder()
    other = type("Found", (), {"st_mode": folder.stat().st_mode, "st_uid": os.getuid() + 1})
    monkeypatch.setattr(Path, "lstat", lambda _: other)
    with pytest.raises(ResourceError, match=f"{folder}: another user's"):
        lock_folder()
