"""One case of the matrix, run for real: lock and fetch as commands against a service with faults, then every promise.

A case also has a second run, which may ask for no body, and, where it failed, a run after the service has healed.
"""

import contextlib
import dataclasses
import json
import math
import re
import socket
import time
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import fault_archive
from fault_case import Case
from fault_client import CANARY, Client, Outcome

from mgi.http.deadline import Limits
from mgi_standin.archive.faults import Rule, with_faults
from mgi_standin.archive.response import Handler, Request, Response
from mgi_standin.archive.server import Exchange, Service, archive_service, listen

BOMB_BYTES = 50 << 20
# What a small request may take, and what a case may on a machine that is busy with others.
MOST_S, WALL_S = Limits().answer_s, 60.0


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
