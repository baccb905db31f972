"""The commands of a case, as a user would type them, against whichever address the service has."""

import contextlib
import dataclasses
import io
import json
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from unittest import mock

import fault_archive
from fast_clock import FastClock
from fault_case import Case

from mgi import cli
from mgi.commands import _service

CANARY = "canary-5b1d8a7c3e"
TOKEN_VARIABLES = ("MGI_GDC_TOKEN", "MGI_TCIA_TOKEN")
_MODALITY = {"gdc": "rna", "nbia": "flair"}
_BASE = {"gdc": "", "nbia": "/nbia-api/services/v4"}


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
