"""Puts a damaged file in its place, lets a consumer read it, and judges what came of it."""

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from flips.consumers import Consumer
from flips.corruptions import Corruption
from flips.study import filled, run

NAMED, SILENT, TRACE, HARMLESS = "named", "silent", "stack trace", "harmless"
VERDICTS = (NAMED, SILENT, TRACE, HARMLESS)
_OF_TIME = ("curves.jsonl", "run.json", "curves.jsonl")
"""Outputs that hold seconds and differ between any two runs."""
_BESIDE = {"describe flair": "shards/flair/part-*"}
"""What a command reads in the folder that it writes to."""


class Verdict(NamedTuple):
    """How it ended, and what was said."""

    kind: str
    said: str


class Bench:
    """Honest results in a folder of their own, in which one file at a time is damaged."""

    def __init__(self, results: Path, folder: Path) -> None:
        self.results, self.out = results, folder / "out"
        self._honest: dict[str, tuple[int | None, dict[str, str]]] = {}

    def try_out(self, consumer: Consumer, damaged: Mapping[str, Corruption]) -> Verdict:
        """Run the consumer on the damaged files, which are whole again afterwards."""
        expected_code, expected = self._as_it_should_be(consumer)
        before = {name: (self.results / name).read_bytes() for name in damaged}
        try:
            for name, change in damaged.items():
                (self.results / name).write_bytes(change.content)
            code, said, found = self._run(consumer)
        finally:
            for name, content in before.items():
                (self.results / name).write_bytes(content)
        lines = [line for line in said.splitlines() if line.startswith("mgi ")]
        if code is None or "Traceback" in said:
            return Verdict(TRACE, said[-300:])
        if code != expected_code:
            return Verdict(NAMED if len(lines) == 1 else SILENT, lines[-1] if lines else said[-300:])
        same = found == expected and consumer.command != "verify"
        return Verdict(HARMLESS if same else SILENT, f"exit code {code}")

    def _as_it_should_be(self, consumer: Consumer) -> tuple[int | None, dict[str, str]]:
        if consumer.command not in self._honest:
            code, said, outputs = self._run(consumer)
            if code is None or code > 1:
                raise RuntimeError(f"{consumer.command}: exit code {code} on honest files: {said[-1000:]}")
            self._honest[consumer.command] = code, outputs
        return self._honest[consumer.command]

    def _run(self, consumer: Consumer) -> tuple[int | None, str, dict[str, str]]:
        """The exit code, what was said, and the digests of what was written."""
        shutil.rmtree(self.out, ignore_errors=True)
        given = set(map(self._placed, self.results.glob(_BESIDE.get(consumer.command, "nothing"))))
        code, said = run(filled(consumer.line, self.results.parent / "archive", self.results, self.out))
        written = {path for path in self.out.rglob("*") if path.is_file() and path.name not in _OF_TIME}
        files = sorted(written - given)
        digests = {str(path.relative_to(self.out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}
        return code, said, digests

    def _placed(self, path: Path) -> Path:
        """The copy of a file of the results among the outputs."""
        copy = self.out / path.relative_to(self.results)
        copy.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(path, copy))
