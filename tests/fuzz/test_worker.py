"""What the search must notice: each kind of escape, planted in a reader made for it."""

import faulthandler
import os
import re
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fuzz import plan
from fuzz.mutate import flip
from fuzz.target import Seed, Target
from fuzz.targets import TARGETS
from fuzz.worker import Tally
from mgi.core.errors import BadInputError

HONEST = b"honest input"


def tally_of(monkeypatch: pytest.MonkeyPatch, folder: Path, read: Callable[[bytes], Any], **options: Any) -> Tally:
    """The counts of ten mutated inputs for a reader."""

    def careful(data: bytes, _note: Any) -> Any:
        return "content" if data == HONEST else read(data)

    target = Target(
        name="planted", group="planted", share=1.0, seeds=lambda _: [Seed(data=HONEST)], mutation=flip,
        reader=lambda _seeds, _scratch: careful, **options,
    )  # fmt: skip
    monkeypatch.setitem(TARGETS, "planted", target)
    return plan.run_all([("planted", 0, 10)], folder, workers=1)["planted"]


def refuse(_data: bytes) -> Any:
    raise BadInputError("no")


def fails(_data: bytes) -> Any:
    raise AttributeError("bug")


def hides(_data: bytes) -> Any:
    try:
        np.ones(1 << 30)
    except MemoryError:
        raise BadInputError("too large for this machine") from None


def dies(_data: bytes) -> Any:
    faulthandler.disable()  # pytest's, which would print a page for each
    os.kill(os.getpid(), signal.SIGSEGV)


def spins(_data: bytes) -> Any:
    while True:
        pass


def test_refusals_and_harmless_changes_are_no_escapes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refused = tally_of(monkeypatch, tmp_path, refuse)
    assert (refused.inputs, refused.refused, refused.read, refused.escapes, refused.silent) == (10, 10, 0, [], [])
    harmless = tally_of(monkeypatch, tmp_path, lambda _: "content", checked=True)
    assert (harmless.read, harmless.escapes, harmless.silent) == (10, [], [])


def test_other_content_is_silent_only_where_the_format_has_digests(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert len(tally_of(monkeypatch, tmp_path, lambda data: data, checked=True).silent) == 10
    assert tally_of(monkeypatch, tmp_path, lambda data: data).silent == []


@pytest.mark.parametrize(
    ("read", "what"),
    [(fails, "AttributeError at test_worker.py"), (hides, "hidden .*MemoryError"), (dies, r"killed .*exit code -11")],
)
def test_every_kind_of_escape_is_noticed_for_every_input(
    read: Callable[[bytes], Any], what: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = tally_of(monkeypatch, tmp_path, read)
    assert found.inputs == 10
    assert [number for number, _ in found.escapes] == list(range(10))
    assert all(re.match(what, text) for _, text in found.escapes), found.escapes


def test_an_input_without_end_is_stopped(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("fuzz.worker.CPU_S", 0.05)
    found = tally_of(monkeypatch, tmp_path, spins)
    assert [text.split(" ")[0] for _, text in found.escapes] == ["TooSlow"] * 10


def test_a_process_that_hangs_without_work_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(plan, "HANG_S", 0.3)
    found = tally_of(monkeypatch, tmp_path, lambda data: time.sleep(3600) if data[0] != HONEST[0] else None)
    assert found.escapes
    assert all("exit code -9" in text for _, text in found.escapes)


def test_the_same_number_gives_the_same_input_and_bad_ones_are_saved(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tallies = {"planted": tally_of(monkeypatch, tmp_path, fails)}
    lines = list(plan.saved_escapes(tallies, tmp_path, tmp_path / "bad"))
    assert len(lines) == 10
    assert lines[0].startswith("escape: planted input 0: AttributeError")
    saved = {path.name: path.read_bytes() for path in (tmp_path / "bad").iterdir()}
    target = TARGETS["planted"]
    assert saved == {f"escape-planted-{n}": target.input([Seed(data=HONEST)], n)[0] for n in range(10)}
    assert plan.line(tallies).startswith("fuzz: 10 inputs, 0 refused, 0 read, 10 escapes, 0 silent, slowest 0.")
