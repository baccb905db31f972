"""One case of the matrix, run for real: lock and fetch as commands against a service with faults, then every promise.

A case also has a second run, which may ask for no body, and, where it failed, a run after the service has healed.
"""

import contextlib
import dataclasses
import io
import json
import logging
import math
import os
import re
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import fault_archive
from fast_clock import FastClock
from fault_case import Case

from mgi import cli
from mgi.commands import _service
from mgi.http.deadline import Limits
from mgi_standin.archive.faults import Rule, with_faults
from mgi_standin.archive.response import Handler, Request, Response
from mgi_standin.archive.server import Exchange, Service, archive_service, listen

CANARY = "canary-5b1d8a7c3e"
TOKEN_VARIABLES = ("MGI_GDC_TOKEN", "MGI_TCIA_TOKEN")
BOMB_BYTES = 50 << 20
# What a small request may take, and what a case may on a machine that is busy with others.
MOST_S, WALL_S = Limits().answer_s, 60.0
_MODALITY = {"gdc": "rna", "nbia": "flair"}
_BASE = {"gdc": "", "nbia": "/nbia-api/services/v4"}


@dataclass
class Verdict:
    """What became of a case; `problems` is empty where all promises were kept."""

    outcome: str = ""
    problems: list[str] = field(default_factory=list)
    hung: bool = False
    """It took more than twice what a request may take, by its clock, or a minute of true time."""
    lost: bool = False
    """The commands said that all was well, and it was not."""

    def expect(self, kept: bool, otherwise: str) -> None:
        if not kept:
            self.problems.append(otherwise)


@dataclass(frozen=True)
class Outcome:
    """The end of commands: the last exit code, what they printed, and what they and their libraries logged."""

    code: int
    said: str
    logged: str


@dataclass
class Client:
    """The commands that lock and fetch a modality in one folder, with short patience and pauses that are only noted."""

    case: Case
    folder: Path
    pauses: list[float] = field(default_factory=list)
    on_pause: Callable[[], None] = lambda: None
    clock: FastClock = field(init=False)

    def __post_init__(self) -> None:
        self.clock = FastClock(self.case.clock_step_s)

    @property
    def modality(self) -> str:
        return self.case.modality or _MODALITY[self.case.service]

    @property
    def raw(self) -> Path:
        return self.folder / "raw"

    @property
    def index(self) -> Path:
        return self.raw / "batch-1-of-1.json"

    def lock(self, url: str) -> Outcome:
        return self._command("lock", url, "--output", str(self.folder / "lock.json"))

    def fetch(self, url: str) -> Outcome:
        lock = ("--lock", str(self.folder / "lock.json"))
        return self._command("fetch", url, *lock, "--batch", "1-of-1", "--output", str(self.index))

    def both(self, url: str) -> Outcome:
        """Lock and then fetch, unless the lock failed."""
        locked = self.lock(url)
        if locked.code:
            return locked
        fetched = self.fetch(url)
        return Outcome(fetched.code, locked.said + fetched.said, locked.logged + fetched.logged)

    def _settings(self, url: str) -> str:
        base = url + (self.case.base or _BASE[self.case.service])
        common = {"base_url": base, "batches": 1, "threads": 1 if self.case.refused else 2, "retry_base_s": 0.0}
        own = {
            "gdc": {"source": "gdc", "project": fault_archive.PROJECT},
            "nbia": {"source": "tcia", "collection": self.case.collection, "min_images": 3},
        }
        return json.dumps({**common, **own[self.case.service]})

    def _command(self, name: str, url: str, *options: str) -> Outcome:
        said, logged = io.StringIO(), io.StringIO()
        handler = logging.StreamHandler(logged)
        root = logging.getLogger()
        level = root.level
        real = _service.open_service

        def impatient(*given: object, **named: object) -> object:
            service = dataclasses.replace(real(*given, **named), limits=self.case.limits, sleep=self._pause)
            return dataclasses.replace(service, clock=self.clock) if self.case.clock_step_s else service

        root.addHandler(handler)
        root.setLevel(logging.DEBUG)
        try:
            with (
                contextlib.redirect_stdout(said),
                contextlib.redirect_stderr(said),
                mock.patch.object(_service, "open_service", impatient),
                mock.patch.dict(os.environ, dict.fromkeys(TOKEN_VARIABLES, CANARY) if self.case.token else {}),
            ):
                code = cli.main([name, "--modality", self.modality, "--settings", self._settings(url), *options])
        finally:
            root.removeHandler(handler)
            root.setLevel(level)
        return Outcome(code, said.getvalue(), logged.getvalue())

    def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.on_pause()


def run_case(case: Case, archive: Path, sandbox: Path) -> Verdict:
    """Run a case in an empty folder and say which promises were broken."""
    verdict = Verdict()
    client = Client(case, sandbox / "work")
    client.folder.mkdir(parents=True)
    trapped: list[Request] = []
    with listen(_trap(trapped)) as trap:
        changed = fault_archive.first_content(case.modality or "rna").translate(fault_archive.OTHER_DIGITS)
        places = {"trap": trap.url, "sandbox": str(sandbox), "other_md5": fault_archive.md5(changed)}
        rules = [_placed(rule, places) for rule in case.rules]
        with _undisturbed(archive) as healthy:
            if case.starts == "locked":
                verdict.expect(client.lock(healthy.url).code == 0, "the lock before the fault failed")
            if case.starts == "fetched":
                verdict.expect(client.both(healthy.url).code == 0, "the run before the fault failed")
        with _faulty(case, archive, rules, client) as (url, exchanges):
            started = time.monotonic()
            with _measured(case, verdict):
                ran = client.both(url) if case.starts == "nothing" else client.fetch(url)
            verdict.hung = client.clock.latest_s > 2 * MOST_S or time.monotonic() - started > WALL_S
            verdict.expect(not verdict.hung, f"it hung: {client.clock.latest_s} s by its clock")
            _check_run(case, client, ran, exchanges(), verdict)
            if ran.code == 0:
                _check_second_run(client, url, exchanges, verdict)
        if ran.code != 0:
            _check_healing(client, archive, verdict)
    verdict.expect(not trapped, f"{len(trapped)} requests went to another host: {[one.path for one in trapped]}")
    verdict.problems += canary_found(sandbox, ran.said + ran.logged)
    strays = [str(path) for path in sandbox.rglob("*") if "evil" in path.name] + sorted(
        path.name for path in sandbox.iterdir() if path.name != "work"
    )
    verdict.expect(not strays, f"files outside of their place: {strays}")
    return verdict


def canary_found(folder: Path, text: str) -> list[str]:
    """Where the token shows: in what was said, in a file's name or in its bytes; packed members are looked into."""
    places = ["the output"] if CANARY in text else []
    for path in sorted(folder.rglob("*")):
        content = path.read_bytes() if path.is_file() else b""
        members = fault_archive.images_in(path) if path.suffix == ".zip" else set()
        if CANARY in path.name or any(CANARY.encode() in one for one in (content, *members)):
            places.append(str(path))
    return [f"the token shows in {place}" for place in places]


def _check_run(case: Case, client: Client, ran: Outcome, exchanges: list[Exchange], verdict: Verdict) -> None:
    missing = missing_items(client.raw, case, other=case.other_version)
    verdict.outcome = "failed" if ran.code else "recovered"
    verdict.lost = ran.code == 0 and bool(missing)
    verdict.expect(not verdict.lost, f"exit 0, but not in place: {missing}")
    verdict.expect(ran.code == case.exit_code, f"exit {ran.code}, expected {case.exit_code}: {ran.said[-600:]}")
    unverified = misplaced(client.raw, case)
    verdict.expect(not unverified, f"at a final name with other bytes: {unverified}")
    found = re.search(case.says, ran.said)
    verdict.expect(found is not None, f"{case.says!r} is not in: {ran.said[-600:]}")
    verdict.expect("Traceback" not in ran.said, "a stack trace was printed")
    odd = [line for line in ran.said.splitlines() if not line.isprintable() or len(line) > 10_000]
    verdict.expect(not odd, f"printed as the service said it: {odd[:1]!r}")
    asked = [one for one in exchanges if re.search(case.counted, one.path)]
    if case.refused is None:
        verdict.expect(len(asked) == case.attempts, f"{len(asked)} attempts, expected {case.attempts}: {asked}")
    else:  # a refused connection reaches nobody: pauses tell the attempts
        expected = (case.attempts - 1) * (len(fault_archive.PATIENTS) if case.refused == "always" else 1)
        verdict.expect(len(client.pauses) == expected, f"{len(client.pauses)} pauses, expected {expected}")
    if case.pauses is not None:
        near = len(client.pauses) == len(case.pauses) and all(
            math.isclose(pause, asked_s, rel_tol=case.pause_slack)
            for pause, asked_s in zip(client.pauses, case.pauses, strict=True)
        )
        verdict.expect(near, f"pauses of {client.pauses} s, expected {case.pauses}")
    if ran.code:
        verdict.expect(not client.index.exists() or case.starts == "fetched", "an index was written all the same")
        if case.others_arrive:
            verdict.expect(len(missing) <= 1, f"one item failed and more are not in place: {missing}")
    else:
        _check_complete(client, verdict)


def _check_complete(client: Client, verdict: Verdict) -> None:
    parts = [str(path) for path in client.raw.rglob("*.part*")]
    verdict.expect(not parts, f"left behind: {parts}")
    indexed = json.loads(client.index.read_text())["items"] if client.index.exists() else []
    verdict.expect(len(indexed) == len(fault_archive.PATIENTS), f"the index holds {len(indexed)} items")


def _check_second_run(client: Client, url: str, exchanges: Callable[[], list[Exchange]], verdict: Verdict) -> None:
    before = len(exchanges())
    again = client.fetch(url)
    later = exchanges()[before:]
    verdict.expect(again.code == 0, f"the second run failed: {again.said[-600:]}")
    verdict.expect(sum(one.sent for one in later) == 0, f"the second run fetched bodies: {later}")


def _check_healing(client: Client, archive: Path, verdict: Verdict) -> None:
    with _undisturbed(archive) as healthy:
        healed = client.fetch(healthy.url) if (client.folder / "lock.json").exists() else client.both(healthy.url)
    missing = missing_items(client.raw, client.case)
    verdict.expect(healed.code == 0 and not missing, f"no recovery once the service was well: {healed.said[-600:]}")
    if healed.code == 0:
        _check_complete(client, verdict)


def missing_items(raw: Path, case: Case, *, other: bool = False) -> list[str]:
    """Expected items that are not in place with their right bytes."""
    if case.service == "gdc":
        files = fault_archive.expected_files(case.modality or "rna", other=other)
        return [name for name, content in files.items() if not _is(raw / name, content)]
    series = fault_archive.expected_series(other=other)
    return [name for name, images in series.items() if not _holds(raw / name, images)]


def misplaced(raw: Path, case: Case) -> list[str]:
    """What lies at a final name without being what the name promises."""
    if case.service == "gdc":
        files = [path for path in sorted(raw.glob("files/*")) if path.suffix in (".tsv", ".txt")]
        return [path.name for path in files if path.name.split(".")[0] != fault_archive.md5(path.read_bytes())]
    true = (fault_archive.expected_series(), fault_archive.expected_series(other=case.other_version))
    found = sorted(raw.glob("series/*.zip"))
    return [path.name for path in found if not any(_holds(path, one[f"series/{path.name}"]) for one in true)]


def _is(path: Path, content: bytes) -> bool:
    return path.exists() and path.read_bytes() == content


def _holds(path: Path, images: set[bytes]) -> bool:
    return path.exists() and fault_archive.images_in(path) == images


def _placed(rule: Rule, places: dict[str, str]) -> Rule:
    """A rule with the addresses, paths and digests filled in that are known only now."""
    if not isinstance(rule.value, str):
        return rule
    value = rule.value
    for name, known in places.items():
        value = value.replace("{" + name + "}", known)
    return dataclasses.replace(rule, value=value)


def _trap(seen: list[Request]) -> Handler:
    def answer(request: Request) -> Response:
        seen.append(request)
        return Response(body=b"you should not be here")

    return answer


@contextlib.contextmanager
def _undisturbed(archive: Path) -> Iterator[Service]:
    with listen(_believing(archive_service(archive))) as service:
        yield service


def _believing(answer: Handler) -> Handler:
    """A GDC to which any token is good; the archive's own takes every one for expired."""

    def without_token(request: Request) -> Response:
        kept = {name: value for name, value in request.headers.items() if name != "x-auth-token"}
        return answer(dataclasses.replace(request, headers=kept))

    return without_token


@contextlib.contextmanager
def _faulty(
    case: Case, archive: Path, rules: list[Rule], client: Client
) -> Iterator[tuple[str, Callable[[], list[Exchange]]]]:
    """The service with its faults; where connections are refused, a port that nobody listens on, once or for ever."""
    answer = with_faults(_believing(archive_service(archive)) if case.token else archive_service(archive), rules)
    if case.refused is None:
        with listen(answer) as service:
            yield service.url, lambda: service.requests
        return
    opened: list[Service] = []
    with contextlib.ExitStack() as stack:
        silent = stack.enter_context(socket.socket())
        silent.bind(("127.0.0.1", 0))
        port = silent.getsockname()[1]

        def open_at_last() -> None:
            if not opened:
                silent.close()
                opened.append(stack.enter_context(listen(answer, port)))

        if case.refused == "once":
            client.on_pause = open_at_last
        yield f"http://127.0.0.1:{port}", lambda: opened[0].requests if opened else []


@contextlib.contextmanager
def _measured(case: Case, verdict: Verdict) -> Iterator[None]:
    """Hold the memory of a bomb below its bound; only there, as tracing is slow."""
    if not case.bomb:
        yield
        return
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    verdict.expect(peak < BOMB_BYTES, f"{peak >> 20} MiB in memory, expected below {BOMB_BYTES >> 20}")
