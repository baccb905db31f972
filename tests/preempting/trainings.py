"""Trainings of a small simulated cohort, each in processes of its own, and what a signal makes of them.

The processes are forked from one that has imported everything, so that a start costs next to nothing.
"""

import json
import mmap
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch._dynamo

from mgi.cli import main
from mgi.commands import finetune, pretrain
from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation.learning import build
from mgi.training import loop
from trained_study import Study

IMPORTED = (finetune, pretrain, torch._dynamo)  # which a training does when it needs them
SCHEDULE: dict[str, Any] = {
    "steps": 60, "batch": 3, "warmup_steps": 3, "validate_every": 7, "checkpoint_every": 10, "learning_rate": 0.003,
    "ema_decay": 0.9,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Kind:
    """A training: its command, method and number of processes."""

    command: str
    method: str = "mgi"
    processes: int = 1

    @property
    def name(self) -> str:
        """As it is printed."""
        return f"{self.command} {self.method}" + (f", {self.processes} processes" if self.processes > 1 else "")


KINDS = (
    Kind(command="pretrain"),
    Kind(command="finetune"),
    Kind(command="finetune", method="unet"),
    Kind(command="pretrain", processes=2),
    Kind(command="finetune", processes=2),
)


@dataclass(frozen=True, kw_only=True)
class Moment:
    """So many seconds after a training's step is done; step -1 stands for its start."""

    step: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How the processes of a training ended: exit codes (below 0: by a signal), words, seconds since the signal.

    `reached` is the number of steps that were done.
    """

    codes: list[int]
    said: str
    reached: int
    seconds: float
    cpu_seconds: float


class Training:
    """One start of a training, which ends by itself or by a signal."""

    def __init__(self, line: list[str], processes: int, said: Path) -> None:
        self.said = said
        said.touch()
        self._steps = mmap.mmap(-1, 8)  # shared with the processes
        self._steps[:] = (-1).to_bytes(8, "big", signed=True)
        port = _free_port()
        ranks = [_of_rank(rank, processes, port) for rank in range(processes)]
        self.numbers = [_forked(lambda: _counting(self._steps, line), said, each) for each in ranks]
        self.codes: dict[int, int] = {}

    @property
    def reached(self) -> int:
        """Steps that were done."""
        return int.from_bytes(self._steps[:], "big", signed=True)

    def end(self, kind: signal.Signals | None = None, moment: Moment | None = None) -> Ended:
        """Send a signal to all processes at a moment; without one wait for their end."""
        if moment is not None:
            while self.reached < moment.step and self._running():
                time.sleep(0.001)
            time.sleep(moment.seconds)
        for number in self._running() if kind else []:
            os.kill(number, kind)
        began, cpu = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
        while self._running():
            time.sleep(0.005)
        spent = resource.getrusage(resource.RUSAGE_CHILDREN)
        return Ended(
            codes=[self.codes[number] for number in self.numbers],
            said=self.said.read_text(),
            reached=self.reached,
            seconds=time.monotonic() - began,
            cpu_seconds=spent.ru_utime + spent.ru_stime - cpu.ru_utime - cpu.ru_stime,
        )

    def _running(self) -> list[int]:
        for number in self.numbers:
            if number not in self.codes and (ended := os.waitpid(number, os.WNOHANG))[0]:
                self.codes[number] = os.waitstatus_to_exitcode(ended[1])
        return [number for number in self.numbers if number not in self.codes]


def write_study(folder: Path) -> Any:
    """The small study of the commands' tests, with a pre-training to start from; nothing of it runs in this process."""
    study = Study.__new__(Study)  # the paths alone; the child writes
    study.folder = folder
    for method in {kind.method for kind in KINDS}:
        build(method, ModelSettings(**study.MODEL), study.N_GENES)  # imports what a network needs

    def write() -> int:
        Study(folder)
        return int(study.run("pretrain", "start"))

    number = os.fork()
    if not number:
        os._exit(_quietly(write, folder / "start.txt"))
    if os.waitpid(number, 0)[1]:
        raise RuntimeError((folder / "start.txt").read_text())
    return study


def line_of(study: Any, kind: Kind, key: str) -> list[str]:
    """The command line of a training in folder `key`."""
    settings: dict[str, Any] = {"schedule": SCHEDULE}
    if kind.processes > 1:
        settings["processes"] = kind.processes
    more = {"pretrained": study.weights("start")} if (kind.command, kind.method) == ("finetune", "mgi") else {}
    return list(study.line(kind.command, key, kind.method, settings=json.dumps(settings), **more))


def _forked(work: Callable[[], int], said: Path, environment: dict[str, str]) -> int:
    number = os.fork()
    if not number:
        os.environ.update(environment)
        os._exit(_quietly(work, said))
    return number


def _counting(steps: mmap.mmap, line: list[str]) -> int:
    """Do a command that notes each step of its loop."""
    after = loop.Progress.after

    def noted(progress: loop.Progress, step: int) -> bool:
        steps[:] = step.to_bytes(8, "big", signed=True)
        return after(progress, step)

    loop.Progress.after = noted  # type: ignore[method-assign]
    return main(line)


def _quietly(work: Callable[[], int], said: Path) -> int:
    """Run and return the exit code; all words go to a file, after what others wrote there."""
    said.parent.mkdir(parents=True, exist_ok=True)
    sink = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(sink, 1)
    os.dup2(sink, 2)
    try:
        return int(work())
    except SystemExit as end:
        return int(end.code or 0)
    except BaseException as error:  # noqa: BLE001 - a child must never go on as its parent
        sys.stderr.write(f"{type(error).__name__}: {error}\n")
        return 99
    finally:
        sys.stderr.flush()


def _of_rank(rank: int, processes: int, port: int) -> dict[str, str]:
    """What torchrun tells a process."""
    if processes == 1:
        return {}
    place = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": processes, "MASTER_PORT": port}
    return {name: str(value) for name, value in place.items()} | {"MASTER_ADDR": "127.0.0.1"}


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
