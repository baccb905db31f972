"""Room for few slides at a time: who may bring one to the disk, and what becomes of one that could not be used.

Slides that an earlier run left come first: they are on the disk already, and others would be one more.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Condition


class DiskRoom:
    """Holds at most `most` slides; those that were there before are more, until they are used."""

    def __init__(self, most: int) -> None:
        self._most, self._there, self._waiting = most, set[str](), 0
        self._changed = Condition()

    def found(self, slide: str) -> None:
        """Count a slide that is on the disk before anybody asked for room, whole or not."""
        with self._changed:
            self._there.add(slide)

    @contextmanager
    def held(self, slide: str, is_there: Callable[[], bool], remove: Callable[[], None]) -> Iterator[None]:
        """Wait for room, and give it back when the block ends.

        A slide that is then still there has failed: it is removed where others wait for its room, and else left to be
        resumed by a later run.
        """
        with self._changed:
            self._waiting += 1
            self._changed.wait_for(lambda: slide in self._there or len(self._there) < self._most)
            self._waiting -= 1
            self._there.add(slide)
        try:
            yield
        finally:
            with self._changed:
                if self._waiting and is_there():
                    remove()
                self._there.discard(slide)
                self._changed.notify_all()
