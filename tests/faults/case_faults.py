"""The GDC's cases, from which labels come, through a service with faults: the honest bytes in the end, or one line.

A request for cases is a listing like that of files, and its client is the same: these are the faults of listings.
"""

import contextlib
import dataclasses
import io
import json
from pathlib import Path
from unittest import mock

from fault_case import FAILS_BYTES, FAILS_NETWORK, ONCE, PATIENCE
from fault_run import Verdict

from mgi import cli
from mgi.commands import _service
from mgi_standin.archive.faults import Rule, with_faults
from mgi_standin.archive.server import archive_service, listen

CASES_OF = "^/cases"


@dataclasses.dataclass(frozen=True, kw_only=True)
class CaseFault:
    """What the service does to a request for cases, and how the command ends; `says` is in its one line."""

    does: str
    rule: Rule
    exit_code: int = 0
    says: str = ""


def _fault(does: str, fault: str, value: float | str | None = None, calls: str = "all", **more: object) -> CaseFault:
    rule = Rule(path=CASES_OF, fault=fault, value=value, calls=calls)
    return CaseFault(does=does, rule=rule, **more)  # type: ignore[arg-type]


FAULTS = [
    _fault("drops at 50 %", "drop", 0.5, ONCE),
    _fault("leaves out the last chunk", "chunked-cut", 0.5, ONCE),
    _fault("429, Retry-After 1", "retry-after", 1.0, ONCE),
    _fault("503 twice", "status", 503, "first 2"),
    _fault("500 for ever", "status", 500, says="HTTP 500", **FAILS_NETWORK),
    _fault("403", "status", 403, says="HTTP 403", **FAILS_NETWORK),
    _fault("200 with nothing", "empty", None, ONCE),
    _fault("a web page", "page-as-data", None, ONCE),
    _fault("a web page for ever", "page-as-data", says="cases", **FAILS_NETWORK),
    _fault("an error in JSON", "json-error", None, ONCE),
    _fault("redirects in a circle", "redirect", says="cases", **FAILS_NETWORK),
    _fault("packs with gzip", "gzip"),
    _fault("a gzip bomb of 300 MiB", "gzip-bomb", 300, says="unpacks", **FAILS_BYTES),
    _fault("lists a case twice", "repeat-row", 0, ONCE),
    _fault("lists a case twice for ever", "repeat-row", 0, says="unique ids", **FAILS_BYTES),
    _fault("states another total once", "total", 1, ONCE),
    _fault("states a total too large for ever", "total", 1, says="GDC cases: .*", **FAILS_BYTES),
    _fault("loses a case once", "lose-row", 0, ONCE),
    _fault("warns that a field is gone", "warn", "demographic.vital_status", says="vital_status", **FAILS_NETWORK),
    _fault("lists a patient without an id", "set-field", "submitter_id=", says="not a patient id", exit_code=5),
    _fault("lists a patient whose id climbs", "set-field", "submitter_id=../../evil", says="evil", exit_code=5),
]


def run_case_fault(fault: CaseFault, archive: Path, folder: Path) -> Verdict:
    """Ask for the cases with the fault, and say which promises were broken."""
    verdict = Verdict()
    honest, found = folder / "honest.json", folder / "found.json"
    with listen(archive_service(archive)) as service:
        _fetch(service.url, honest)
    with listen(with_faults(archive_service(archive), [fault.rule])) as service:
        code, said = _fetch(service.url, found)
    verdict.outcome = "failed" if code else "recovered"
    verdict.expect(code == fault.exit_code, f"exit {code}, expected {fault.exit_code}: {said[-600:]}")
    verdict.lost = code == 0 and found.read_bytes() != honest.read_bytes()
    verdict.expect(not verdict.lost, "exit 0, with other cases")
    errors = [line for line in said.splitlines() if line.startswith("mgi ")]
    verdict.expect(len(errors) == bool(code), f"{len(errors)} lines of error: {said[-600:]}")
    named = not code or all(word in errors[-1] for word in fault.says.split(".*"))
    verdict.expect(named, f"{fault.says!r} is not in: {said[-600:]}")
    verdict.expect("Traceback" not in said, "a stack trace was printed")
    verdict.expect(not code or not found.exists(), "cases were written all the same")
    return verdict


def _fetch(url: str, output: Path) -> tuple[int, str]:
    settings = {"source": "gdc", "base_url": url, "retry_base_s": 0.0}
    said, real = io.StringIO(), _service.open_service

    def impatient(*given: object, **named: object) -> object:
        return dataclasses.replace(real(*given, **named), limits=PATIENCE, sleep=lambda seconds: None)  # type: ignore[arg-type]

    output.parent.mkdir(parents=True, exist_ok=True)
    with (
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        mock.patch.object(_service, "open_service", impatient),
    ):
        code = cli.main(["fetch-labels", "--settings", json.dumps(settings), "--output", str(output)])
    return code, said.getvalue()
