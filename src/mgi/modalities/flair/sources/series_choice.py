"""What a choice of FLAIR says about one series, and the lock's line about it; who chooses is handed to the sources."""

from typing import Literal, Protocol

from mgi.locks.lock import ImageItem
from mgi.modalities.flair.sources.tcia_listing import TciaSeries


class SeriesChoice(Protocol):
    """A verdict about one series."""

    @property
    def role(self) -> Literal["flair", "mask", "other"]: ...  # noqa: D102
    @property
    def score(self) -> float: ...  # noqa: D102
    @property
    def chosen(self) -> bool: ...  # noqa: D102
    @property
    def reason(self) -> str: ...  # noqa: D102


def item_of(series: TciaSeries, verdict: SeriesChoice) -> ImageItem:
    """A series with its verdict."""
    listed = {name: value for name, value in vars(series).items() if name != "third_party"}
    return ImageItem(**listed, role=verdict.role, score=verdict.score, chosen=verdict.chosen, reason=verdict.reason)
