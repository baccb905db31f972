"""Few slides lie on the disk at a time: those that were there first, and none that failed while others wait."""

import threading
from pathlib import Path

import pytest

from mgi.modalities.slides.sources.disk_room import DiskRoom


class Use:
    """One thread that brings a slide, and holds it until it is told to end well or to fail."""

    def __init__(self, room: DiskRoom, slide: Path) -> None:
        self.entered, self.end, self.fails = threading.Event(), threading.Event(), False
        self._room, self._slide = room, slide
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        room, slide = self._room, self._slide
        try:
            with room.held(slide.name, slide.exists, slide.unlink):
                slide.touch()
                self.entered.set()
                self.end.wait(10)
                if self.fails:
                    raise OSError("failed")
                slide.unlink()
        except OSError:
            return

    def is_in(self, seconds: float = 5) -> bool:
        return self.entered.wait(seconds)

    def ends(self, *, well: bool = True) -> None:
        self.fails = not well
        self.end.set()
        self._thread.join(10)


def test_the_third_waits_until_one_of_two_has_ended(tmp_path: Path) -> None:
    room = DiskRoom(2)
    first, second = (Use(room, tmp_path / name) for name in "ab")
    assert first.is_in()
    assert second.is_in()
    third = Use(room, tmp_path / "c")
    assert not third.is_in(0.1)
    first.ends()
    assert third.is_in()
    second.ends()
    third.ends()
    assert [*tmp_path.iterdir()] == []


def test_what_an_earlier_run_left_comes_before_others(tmp_path: Path) -> None:
    room = DiskRoom(2)
    for name in "ab":
        (tmp_path / name).touch()
        room.found(name)
    other = Use(room, tmp_path / "c")
    assert not other.is_in(0.1)
    left = Use(room, tmp_path / "b")
    assert left.is_in()
    assert not other.is_in(0.1)
    left.ends()
    assert other.is_in()
    other.ends()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


@pytest.mark.parametrize("waits", [True, False])
def test_a_slide_that_failed_is_left_to_be_resumed_unless_others_wait_for_its_room(tmp_path: Path, waits: bool) -> None:
    room = DiskRoom(1)
    failing = Use(room, tmp_path / "a")
    assert failing.is_in()
    other = Use(room, tmp_path / "b") if waits else None
    if other is not None:
        assert not other.is_in(0.1)
    failing.ends(well=False)
    if other is not None:
        assert other.is_in()
        assert [path.name for path in tmp_path.iterdir()] == ["b"]
        other.ends()
    else:
        assert [path.name for path in tmp_path.iterdir()] == ["a"]
