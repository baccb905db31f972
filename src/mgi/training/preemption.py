"""SIGTERM and SIGUSR1 in a training: the step under way is ended, a checkpoint written, and the process ends.

A scheduler sends them some seconds before it takes a machine away. Until the first step a signal ends the process at
once; then it is noted, and the loop looks after each step. A validation may take minutes: it is broken off, and the
resumed run does it first.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

from mgi.core.errors import MgiError

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)
Result = TypeVar("Result")


class PreemptionError(MgiError):
    """A signal ended a training; a checkpoint holds each of its steps."""

    exit_code = 75  # EX_TEMPFAIL of sysexits.h: the same command may be tried again


class BrokenOff(BaseException):
    """Raised where the signal arrived; no library may take it for an error of its own."""


class StopRequest:
    """The signal that asked this process to end, if one came; outside of `stop_on_signals` none ever does."""

    def __init__(self) -> None:
        self.signal: signal.Signals | None = None
        self._breaks_off = True

    @property
    def asked(self) -> bool:
        """Whether a signal came."""
        return self.signal is not None

    def receive(self, number: int, _: FrameType | None = None) -> None:
        """Note a signal; raise BrokenOff for the first one where what runs may be broken off."""
        first, self.signal = self.signal is None, signal.Signals(number)
        if first and self._breaks_off:
            self._breaks_off = False  # a second signal must not reach what cleans up
            raise BrokenOff

    def note_only(self) -> None:
        """From now on a signal breaks nothing off."""
        self._breaks_off = False

    def unless_stopped(self, work: Callable[[], Result]) -> Result | None:
        """What `work` returns; None where a signal came before its end."""
        try:
            try:
                self._breaks_off = True
                return None if self.asked else work()
            finally:
                self._breaks_off = False
        except BrokenOff:
            return None


@contextmanager
def stop_on_signals() -> Iterator[StopRequest]:
    """Receive the signals within, in the main thread; raises PreemptionError for one that comes before the loop."""
    stop = StopRequest()
    before = {number: signal.signal(number, stop.receive) for number in SIGNALS}
    try:
        yield stop
    except BrokenOff:
        name = stop.signal.name if stop.signal else ""
        raise PreemptionError(f"stopped by {name} before its first step; the same command begins again") from None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
