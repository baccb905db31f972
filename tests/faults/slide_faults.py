"""Slides of the GDC that are broken though their MD5 is right, and slides that a service with faults sends.

A broken slide is rejected by its reason, the patient's second slide serves, and another patient's arrives. Slides that
are kept and slides that are not must end alike, and no fetch of the latter may leave a slide.
"""

import contextlib
import dataclasses
import functools
import io
import json
import re
import tempfile
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from fault_archive import PROJECT, md5
from fault_case import FAILS_BYTES, FAILS_NETWORK, ONCE, PATIENCE
from fault_run import Verdict
from refused_slides import REFUSED

from mgi import cli
from mgi.commands import _service
from mgi.core.files import read_json
from mgi_standin.archive.faults import Rule, with_faults
from mgi_standin.archive.server import archive_service, listen
from mgi_standin.simulation.gdc_listing import StoredFile, status
from mgi_standin.simulation.slides import Histology, SimulatedSlide, draw_slide
from mgi_standin.simulation.slides_broken import CASES, write_case
from mgi_standin.simulation.slides_files import Held, slide_hit

BROKEN, OTHER = "TCGA-CS-4938", "TCGA-DU-6407"
FIRST, SECOND = (f"{BROKEN}-01Z-00-DX{number}" for number in (1, 2))
THIRD = f"{OTHER}-01Z-00-DX1"
USUAL = "jpeg"


@dataclasses.dataclass(frozen=True, kw_only=True)
class SlideFault:
    """How the first slide is broken (a name in slides_broken.CASES), what the service does to it, and the end.

    `rejected` is what the index says of the slide, `says` what the command's one line does.
    """

    does: str
    case: str = USUAL
    rule: Rule | None = None
    exit_code: int = 0
    says: str = ""
    keep: bool = True

    @property
    def rejected(self) -> str | None:
        return REFUSED.get(self.case)


def _sent(does: str, fault: str, value: float | str | None = None, calls: str = "all", **more: Any) -> SlideFault:
    return SlideFault(does=does, rule=Rule(path=f"^/data/{FIRST}$", fault=fault, value=value, calls=calls), **more)


_SENT = [
    _sent("drops at 50 %", "drop", 0.5, ONCE),
    _sent("sends half as if it were all", "truncated", 0.5, ONCE),
    _sent("sends wrong bytes once", "wrong-bytes", 0.5, ONCE),
    _sent("sends wrong bytes for ever", "wrong-bytes", 0.5, says=FIRST, **FAILS_BYTES),
    _sent("sends a web page for ever", "page-as-data", says=FIRST, **FAILS_NETWORK),
    _sent("404", "status", 404, says=f"{FIRST}: HTTP 404", **FAILS_NETWORK),
]
FAULTS = [
    dataclasses.replace(one, keep=keep)
    for one in (*(SlideFault(does=f"holds a slide that is {name}", case=name) for name in CASES), *_SENT)
    for keep in (True, False)
]


def name_of(fault: SlideFault) -> str:
    return f"{fault.does}{'' if fault.keep else ', not kept'}"


@functools.cache
def _drawn(seed: int) -> SimulatedSlide:
    histology = Histology(subtype="IDHwt", factors={"size": 0.0, "margin": 0.0, "contrast": 0.0})
    return draw_slide(histology, shape=(512, 512), mpp=1.0, rng=np.random.default_rng(seed))


def _write_archive(folder: Path, case: str) -> None:
    """Three slides, the first of which is the case."""
    hits = []
    (folder / "gdc/data").mkdir(parents=True)
    for seed, (barcode, name) in enumerate({FIRST: case, SECOND: USUAL, THIRD: USUAL}.items()):
        path = folder / "gdc/data" / barcode
        write_case(path, name, _drawn(seed))
        content = path.read_bytes()
        stored = StoredFile(
            kind="slide", aliquot=barcode, file_id=barcode, file_name=f"{barcode}.A.svs", size=len(content),
            md5=md5(content),
        )  # fmt: skip
        hits.append(slide_hit(stored, Held("01Z", "00", barcode[-3:]), "key"))
    nothing: list[Any] = []
    tables = {"status": status(), "files": hits, "versions": nothing, "annotations": nothing, "cases": nothing}
    for name, table in tables.items():
        (folder / f"gdc/{name}.json").write_text(json.dumps(table))
    (folder / "nbia").mkdir()
    for name in ("series", "patients", "studies"):
        (folder / f"nbia/{name}.json").write_text("[]")
    (folder / "archive.json").write_text(json.dumps({"simulated": True, "format": 1}))


def run_slide_fault(fault: SlideFault, folder: Path) -> Verdict:
    """Lock and fetch with the fault, and say which promises were broken."""
    verdict = Verdict()
    with tempfile.TemporaryDirectory(dir=folder) as place:
        archive = Path(place)
        _write_archive(archive, fault.case)
        with listen(with_faults(archive_service(archive), [fault.rule] if fault.rule else [])) as service:
            code, said = _fetch(service.url, folder, keep=fault.keep)
    verdict.outcome = "failed" if code else "recovered"
    verdict.expect(code == fault.exit_code, f"exit {code}, expected {fault.exit_code}: {said[-600:]}")
    errors = [line for line in said.splitlines() if line.startswith("mgi ")]
    verdict.expect(len(errors) == bool(code), f"{len(errors)} lines of error: {said[-600:]}")
    verdict.expect(not code or fault.says in errors[-1], f"{fault.says!r} is not in: {said[-600:]}")
    verdict.expect("Traceback" not in said, "a stack trace was printed")
    index = folder / "raw/batch-1-of-1.json"
    verdict.expect(index.exists() == (code == 0), "an index beside a failure, or none beside a success")
    if code == 0:
        found = {entry["key"]: entry.get("rejected") for entry in read_json(index)["items"]}
        wanted = {FIRST, THIRD} | ({SECOND} if fault.rejected else set())
        verdict.lost = found.keys() != wanted or any(found[one] for one in wanted - {FIRST})
        verdict.expect(not verdict.lost, f"fetched {found}, expected {wanted}")
        why = found.get(FIRST)
        named = why is None if fault.rejected is None else bool(why and re.match(fault.rejected, why))
        verdict.expect(named, f"rejected: {why!r}, expected {fault.rejected!r}")
    left = [path.name for path in (folder / "raw/files").glob("*.svs*")]
    # A part is left where nothing else waited for room: it is resumed.
    verdict.expect(fault.keep or len(left) <= bool(code), f"slides are left: {left}")
    return verdict


def _fetch(url: str, folder: Path, *, keep: bool) -> tuple[int, str]:
    given = {"source": "gdc", "project": PROJECT, "base_url": url, "retry_base_s": 0.0, "threads": 2}
    settings = json.dumps({**given, "tile_px": 64, "mpp": 1.0, "keep": keep})
    asked, lock = ["--modality", "slides", "--settings", settings], str(folder / "lock.json")
    said, real = io.StringIO(), _service.open_service

    def impatient(*given: object, **named: object) -> object:
        return dataclasses.replace(real(*given, **named), limits=PATIENCE, sleep=lambda seconds: None)  # type: ignore[arg-type]

    with (
        contextlib.redirect_stdout(said),
        contextlib.redirect_stderr(said),
        mock.patch.object(_service, "open_service", impatient),
    ):
        code = cli.main(["lock", *asked, "--output", lock])
        if code == 0:
            where = ["--lock", lock, "--batch", "1-of-1", "--output", str(folder / "raw/batch-1-of-1.json")]
            code = cli.main(["fetch", *asked, *where])
    return code, said.getvalue()
