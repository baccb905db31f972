"""Which series of a patient is the axial FLAIR, and which are tried next where its images turn out to be none.

What only a UID's order could decide is not decided: such series are named, and none of them is taken.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from mgi.locks.item import Item
from mgi.modalities.flair.sequence import FLAIR, MASK, OTHER, Series, item_of, score

MAX_RUNNERS_UP = 4


@dataclass(frozen=True, kw_only=True)
class _Candidate:
    """A FLAIR by name; `rank` sorts the best first, and equal ranks are a tie."""

    series: Series
    points: float
    rank: tuple[bool, bool, str, int, float]

    @property
    def key(self) -> str:
        return self.series.key


def choose_flair(series: Sequence[Series], *, min_images: int = 15) -> list[Item]:
    """Judge all series of one patient, in the given order: one FLAIR at most, and every segmentation of its study.

    Of several studies with a FLAIR the earliest is used, before it those that hold a segmentation: a mask of another
    day does not fit the image. Within it an original goes before what was derived, then the better name; what the
    headers contradict comes last of all. Equal best ones choose nothing. The next best are numbered, in the order in
    which a fetch tries them, and so are the segmentations of their studies.
    """
    scored = [(one, *score(one, min_images=min_images)) for one in series]
    with_mask = {one.study_uid for one in series if one.modality == "SEG"}
    ranked = sorted(
        (
            _Candidate(
                series=one,
                points=points,
                rank=(
                    one.contradiction is not None,
                    one.study_uid not in with_mask,
                    one.study_date or "9999",
                    len(one.doubts),
                    -points,
                ),
            )
            for one, points, _ in scored
            if points > 0
        ),
        key=lambda one: (one.rank, one.key),
    )
    tied = _first_tie(ranked)
    best = ranked[0] if ranked and not (tied and tied[0] is ranked[0]) else None
    runners = _runners_up(ranked, tied) if best else []
    judged = {one.key: _judge(one, best, runners, tied, ranked) for one in ranked}
    items = []
    for one, points, reason in scored:
        if one.modality == "SEG":
            items.append(_judge_mask(one, best, runners))
        elif points == 0:
            items.append(item_of(one, OTHER, reason))
        else:
            items.append(judged[one.key])
    return items


def _first_tie(ranked: Sequence[_Candidate]) -> list[_Candidate]:
    """The first of the candidates in order that share a rank; empty where none does."""
    for one in ranked:
        equal = [other for other in ranked if other.rank == one.rank]
        if len(equal) > 1:
            return equal
    return []


def _runners_up(ranked: Sequence[_Candidate], tied: Sequence[_Candidate]) -> list[_Candidate]:
    """What is tried in turn: no more than MAX_RUNNERS_UP, none from a tie on, and nothing that the headers refuse."""
    end = ranked.index(tied[0]) if tied else len(ranked)
    return [one for one in ranked[1:end] if one.series.contradiction is None][:MAX_RUNNERS_UP]


def _judge(
    one: _Candidate,
    best: _Candidate | None,
    runners: Sequence[_Candidate],
    tied: Sequence[_Candidate],
    ranked: Sequence[_Candidate],
) -> Item:
    def item(reason: str) -> Item:
        return item_of(one.series, FLAIR, reason, score=one.points)

    said = "; ".join(one.series.doubts)
    if one is best:
        return replace(item(f"best FLAIR of its study{f' ({said})' if said else ''}"), chosen=True)
    if one in tied:
        rivals = ", ".join(rival.key for rival in tied if rival is not one)
        reason = f"tie with {rivals}"
    elif one.series.contradiction is not None:
        reason = one.series.contradiction
    else:
        first = best or ranked[0]
        reason = _lost_to(one, first, said)
    found = item(reason)
    return replace(found, runner_up=runners.index(one) + 1) if one in runners else found


def _lost_to(one: _Candidate, first: _Candidate, said: str) -> str:
    if one.rank[:3] != first.rank[:3]:
        return "other study preferred"
    if one.rank[3] > first.rank[3]:
        return f"{said}; {first.key} is preferred"
    return f"scores below {first.key}"


def _judge_mask(one: Series, best: _Candidate | None, runners: Sequence[_Candidate]) -> Item:
    if best is None:
        return item_of(one, MASK, "no FLAIR chosen")
    if one.study_uid == best.series.study_uid:
        return item_of(one, MASK, "segmentation in the study of the FLAIR", chosen=True)
    found = item_of(one, MASK, "other study preferred")
    numbers = [number for number, runner in enumerate(runners, start=1) if runner.series.study_uid == one.study_uid]
    return replace(found, runner_up=numbers[0]) if numbers else found
