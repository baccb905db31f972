"""How long each patient was followed, and whether that ended with the event (death) or before it (censored)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from mgi.core.errors import BadInputError

Floats = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FollowUp:
    """Times (n,) above 0 in any one unit, and whether the event happened then (n,); made by `follow_up_of`."""

    times: Floats
    events: NDArray[np.bool_]

    @property
    def n(self) -> int:
        """Patients."""
        return self.times.size

    @property
    def n_events(self) -> int:
        """Patients with the event."""
        return int(self.events.sum())

    def of(self, rows: NDArray[np.int64]) -> "FollowUp":
        """The follow-up of some rows, which may repeat."""
        return FollowUp(times=self.times[rows], events=self.events[rows])


def follow_up_of(times: ArrayLike, events: ArrayLike, where: str = "survival") -> FollowUp:
    """Check and pair times with events (bool, or 0 and 1).

    Raises BadInputError, which begins with `where` and counts patients from 0, for times that are missing, infinite or
    not above 0, events that are neither, other lengths, and where nobody has the event.
    """
    time, event = np.asarray(times, dtype=np.float64), np.asarray(events)
    if time.ndim != 1 or time.shape != event.shape:
        raise BadInputError(f"{where}: event: {event.shape} values, expected as many as times, {time.shape}")
    for row in np.flatnonzero(~(np.isfinite(time) & (time > 0)))[:1]:
        raise BadInputError(f"{where}: time: patient {row}: found {time[row]:g}, expected a number above 0")
    for row in np.flatnonzero(~np.isin(event, (0, 1)))[:1]:
        raise BadInputError(f"{where}: event: patient {row}: found {event[row]}, expected 0 or 1")
    if not event.any():
        raise BadInputError(f"{where}: event: all {time.size} patients are censored, expected one event at least")
    return FollowUp(times=time, events=event.astype(bool))


def require_finite(values: Floats, shape: tuple[int, ...], where: str) -> None:
    """Refuse an array of another shape, or with a value that is missing or infinite."""
    if values.shape != shape:
        raise BadInputError(f"{where}: found shape {values.shape}, expected {shape}")
    for place in np.argwhere(~np.isfinite(values))[:1]:
        raise BadInputError(f"{where}: patient {place[0]}: found {values[tuple(place)]}, expected a number")
