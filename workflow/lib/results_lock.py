"""One run at a time in a results folder, from whichever checkout and host: a file in the folder says whose it is.

Snakemake's own lock lies in the checkout and says nothing of its holder. Ours is taken before the first job and given
back when the process ends. One that a killed run left is taken over where that can be known: on the same machine,
where no process with its number and start is left.
"""

import atexit
import json
import os
import shlex
import socket
import sys
import time
import uuid
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import psutil  # type: ignore[import-untyped] # its stubs would be one more pin

NAME = ".run.lock"
TOKEN = "MGI_RUN"
PATIENCE_S = 3.0


class HeldError(Exception):
    """Another run holds the folder, or may hold it; the message says who and how to break the lock by hand."""


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A run; `machine` tells hosts of one name apart, `boot` and `ticks` a process from a later one of its number."""

    token: str
    host: str
    machine: str
    boot: str
    namespace: str
    pid: int
    ticks: str
    started: str
    command: str
    folder: str

    def __str__(self) -> str:
        text = f"process {self.pid} on {self.host} since {self.started} (`{self.command[:200]}` in {self.folder})"
        return "".join(character if character.isprintable() else "?" for character in text)


def take(results: Path) -> None:
    """Hold the folder until this process ends.

    Raises HeldError where another run holds it, and OSError where nothing can be written.
    """
    results.mkdir(parents=True, exist_ok=True)
    lock, own = results / NAME, this_process()
    for _ in range(5):  # others may take over the same lock at the same moment
        if _created(lock, own):
            atexit.register(give_back, lock, own)
            os.environ[TOKEN] = own.token  # every job inherits it
            return
        holder = read(lock)
        if holder is not None and (reason := why_held(lock, holder)):
            raise HeldError(reason)
        if lock.exists():
            _put_aside(lock, holder, own)
            sys.stderr.write(f"{results}: took over the lock of a run that is no more: {holder}\n")
    raise HeldError(f"{results}: in use, others take {lock} at this moment; try again")


def give_back(lock: Path, own: Holder) -> None:
    """Remove the lock if it is still this run's, and not in a process that was forked from it."""
    try:
        if os.getpid() == own.pid and read(lock) == own:
            lock.unlink()
    except (OSError, HeldError):
        pass


def read(lock: Path) -> Holder | None:
    """Who holds it, or None where there is no lock.

    Raises HeldError where it cannot be read: it may be anybody's.
    """
    try:
        found = json.loads(lock.read_text(encoding="utf-8"))
        return Holder(**(found | {"pid": int(found["pid"])}))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        where = "if no run is at work there, delete that file"
        raise HeldError(f"{lock.parent}: locked, and {lock} cannot be read ({type(error).__name__}); {where}") from None


def why_held(lock: Path, holder: Holder) -> str | None:
    """Who holds the folder and what a user can do; None where the run and all that it began are known to be no more."""
    if may_live(holder):
        return f"{lock.parent}: in use by {holder}; wait for it, or, if that process is no more, delete {lock}"
    deadline = time.monotonic() + PATIENCE_S
    while (here := _jobs_of(holder)) and time.monotonic() < deadline:
        time.sleep(0.1)  # what ends with its parent takes a moment
    if here:
        numbers = " ".join(map(str, here))
        return f"{lock.parent}: {holder} is no more, but what it began still works; wait for it, or: kill {numbers}"
    return None


def may_live(holder: Holder) -> bool:
    """False only where it is known that the process is no more."""
    here = this_process()
    if (holder.host, holder.machine) != (here.host, here.machine):
        return True
    if holder.boot != here.boot:
        return False
    if holder.namespace != here.namespace:  # another container of this machine: its numbers are not ours
        return True
    if not _exists(holder.pid):
        return False
    ticks = _ticks_of(holder.pid)
    return ticks in (holder.ticks, "")


def this_process() -> Holder:
    """What this run writes of itself."""
    pid = os.getpid()
    return Holder(
        token=uuid.uuid4().hex,
        host=socket.gethostname(),
        machine=_text_of(Path("/etc/machine-id")),
        boot=_text_of(Path("/proc/sys/kernel/random/boot_id")),
        namespace=_link_of(Path("/proc/self/ns/pid")),
        pid=pid,
        ticks=_ticks_of(pid),
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        command=shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        folder=str(Path.cwd()),
    )


def _created(lock: Path, own: Holder) -> bool:
    """Whether the lock is ours now; it appears with all that it says, or not at all."""
    part = lock.with_name(f"{NAME}.{own.token}")
    try:
        part.write_text(json.dumps(asdict(own), indent=1) + "\n", encoding="utf-8")
        os.link(part, lock)
    except FileExistsError:
        return False
    except OSError:  # a file system without links, or a full one
        try:
            with lock.open("x", encoding="utf-8") as file:
                file.write(json.dumps(asdict(own), indent=1) + "\n")
        except FileExistsError:
            return False
    finally:
        part.unlink(missing_ok=True)
    return True


def _put_aside(lock: Path, dead: Holder | None, own: Holder) -> None:
    """Remove the lock of a dead run; one that another run took meanwhile goes back to its place."""
    aside = lock.with_name(f"{NAME}.{own.token}.old")
    try:
        lock.replace(aside)
    except FileNotFoundError:
        return
    if read(aside) != dead:
        os.link(aside, lock)
    aside.unlink()


def _jobs_of(holder: Holder) -> list[int]:
    """Processes of this machine that a run began and that outlived it: its jobs would write beside ours."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TOKEN) == holder.token and _exists(process.pid):
                found.append(process.pid)
        except psutil.Error:  # gone meanwhile, or of another user
            continue
    return found


def _exists(pid: int) -> bool:
    """Whether a process has the number; one that ended and that nobody asked for (a zombie) does not count."""
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        return True


def _ticks_of(pid: int) -> str:
    """When a process began, by a clock that nobody can set; empty where it cannot be known."""
    told = _text_of(Path(f"/proc/{pid}/stat"))
    if told:
        return told.rpartition(")")[2].split()[19]
    try:
        return str(psutil.Process(pid).create_time())
    except psutil.Error:
        return ""


def _text_of(path: Path) -> str:
    try:
        return path.read_text(errors="replace").strip()
    except OSError:
        return ""


def _link_of(path: Path) -> str:
    try:
        return str(path.readlink())
    except OSError:
        return ""
