"""Run a client as a process of its own and say what it cost; run the archive as another and ask what it sent.

Standard library only: Linux counts what the starting process held as the peak of the one that it starts, so the
starter has to be small.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What a process and its children took: seconds, and the peak memory of the largest of them in MiB.

    `load` is what else wanted the processor when it began: the mean number of runnable processes of the last minute.
    `stolen` is the share of the processors' time that the host gave to other machines meanwhile.
    """

    wall_s: float
    cpu_s: float
    peak_mib: float
    load: float
    stolen: float

    def as_json(self) -> dict[str, float]:
        """Rounded to what can be told apart."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def environment() -> dict[str, str]:
    """One thread per library, so that two cores are shared by processes and not fought over."""
    settled = {"PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    return {**os.environ, **settled}


def measure(command: Sequence[str | Path], log: Path, *, cwd: Path | None = None) -> Cost:
    """Run to the end, output into `log`; raises RuntimeError with the end of the log where the command fails."""
    os.sync()  # what the run before left for the disk is not this one's cost
    with log.open("wb") as sink:
        load, ticks, began = os.getloadavg()[0], _ticks(), time.monotonic()
        child = subprocess.Popen(
            [str(part) for part in command], stdout=sink, stderr=subprocess.STDOUT, env=environment(), cwd=cwd
        )
        _, outcome, used = os.wait4(child.pid, 0)
        wall_s = time.monotonic() - began
    child.returncode = os.waitstatus_to_exitcode(outcome)
    if child.returncode != 0:
        end = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise RuntimeError(f"{' '.join(map(str, command))}: exit {child.returncode}\n{end}")
    stolen, all_ticks = (after - before for before, after in zip(ticks, _ticks(), strict=True))
    return Cost(
        wall_s=wall_s,
        cpu_s=used.ru_utime + used.ru_stime,
        peak_mib=used.ru_maxrss / 1024,
        load=load,
        stolen=stolen / max(1, all_ticks),
    )


def _ticks() -> tuple[int, int]:
    """Ticks that the host took from this machine, and all ticks, since it was started."""
    spent = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    return spent[7], sum(spent)


def mgi(command: str, **options: str | Path) -> list[str | Path]:
    """The command line of one of our commands."""
    flags = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    return [sys.executable, "-m", "mgi", command, *flags]


class Server:
    """The archive in its own process; `spent` tells what it sent and used since the last time it was asked."""

    def __init__(self, process: "subprocess.Popen[str]", url: str) -> None:
        self._process = process
        self.url = url

    def spent(self) -> Mapping[str, float]:
        """Requests, requests for bodies (files and series), bytes sent and CPU seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()
        told: dict[str, float] = json.loads(self._process.stdout.readline())
        return told


@contextmanager
def served(folder: Path) -> Iterator[Server]:
    """Serve an archive folder on a free port until the block ends."""
    with subprocess.Popen(
        [sys.executable, str(HERE / "serve.py"), str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield Server(process, process.stdout.readline().strip())
        finally:
            process.stdin.close()
