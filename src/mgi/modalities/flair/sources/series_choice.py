"""What a choice of FLAIR says about one series, and the lock's line about it; who chooses is handed to the sources."""

from typing import Literal, Protocol

from mgi.locks.item import Item, facts
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


def item_of(series: TciaSeries, verdict: SeriesChoice) -> Item:
    """A series with its verdict."""
    return listed_item(series, verdict.role, chosen=verdict.chosen, reason=verdict.reason, score=verdict.score)


def listed_item(series: TciaSeries, role: str, *, chosen: bool, reason: str, score: float = 0.0) -> Item:
    """The lock's line about a series that was listed."""
    return Item(
        patient_id=series.patient_id,
        key=series.key,
        role=role,
        size=series.size,
        chosen=chosen,
        reason=reason,
        facts=facts(
            study_uid=series.study_uid,
            study_date=series.study_date,
            modality=series.modality,
            description=series.description,
            n_images=series.n_images,
            score=score,
        ),
    )
