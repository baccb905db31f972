"""A clock that runs fast, so that the real limits are met within a test."""

import threading
from dataclasses import dataclass, field


@dataclass
class FastClock:
    """Each look at it is `step_s` later than the one before, in every thread for itself."""

    step_s: float
    latest_s: float = 0.0
    """The latest time that any thread has seen."""
    _own: threading.local = field(default_factory=threading.local)

    def __call__(self) -> float:
        self._own.now = getattr(self._own, "now", 0.0) + self.step_s
        self.latest_s = max(self.latest_s, self._own.now)
        return self._own.now
