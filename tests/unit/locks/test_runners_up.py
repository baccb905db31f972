from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from mgi.core.errors import BadInputError
from mgi.locks.item import Item
from mgi.locks.lock import check_lock
from mgi.locks.raw_index import RawEntry, entry_of
from mgi.locks.runners_up import candidates_of, fetch_until_settled, settled
from mgi.modalities.flair.modality import fits
from small_locks import flair_lock, series

P = "TCGA-CS-0001"


def item(key: str, study: str = "1", **changes: Any) -> Item:
    return series(P, key=key, study_uid=study, **{"chosen": False, **changes})


FIRST = item("1.1", chosen=True)
SECOND, THIRD = item("1.2", runner_up=1), item("1.3", runner_up=2)
LATER = item("2.1", study="2", runner_up=3)
MASK = item("1.9", role="mask", chosen=True)
LATER_MASK = item("2.9", study="2", role="mask", runner_up=3)
ITEMS = (FIRST, SECOND, THIRD, LATER, MASK, LATER_MASK)


class Archive:
    """Brings items, each with what is wrong with it, and remembers in which rounds."""

    def __init__(self, **found: dict[str, Any]) -> None:
        self.found = {key.replace("_", ".")[1:]: value for key, value in found.items()}
        self.rounds: list[list[str]] = []

    def __call__(self, items: Sequence[Item]) -> list[RawEntry]:
        self.rounds.append([item.key for item in items])
        return [entry_of(item, path=None, size=1, sha256="0", **self.found.get(item.key, {})) for item in items]


NOT_AXIAL = {"rejected": "slices are not axial"}
DERIVED, REFORMAT = {"doubts": ("derived",)}, {"doubts": ("derived", "a reformat")}


def rounds(archive: Archive) -> tuple[list[list[str]], list[str]]:
    _, lines = fetch_until_settled(flair_lock(*ITEMS), [FIRST, MASK], archive, fits)
    return archive.rounds[1:], lines


def test_what_can_serve_is_fetched_alone() -> None:
    assert rounds(Archive()) == ([], [])


def test_the_next_best_is_tried_until_one_serves() -> None:
    tried, lines = rounds(Archive(s1_1=NOT_AXIAL, s1_2={"rejected": "a T1"}))
    assert tried == [["1.2"], ["1.3"]]
    assert lines == [f"{P}: 1.3 serves in the place of 1.1: slices are not axial"]


def test_the_segmentations_of_another_study_come_with_its_series() -> None:
    tried, lines = rounds(Archive(s1_1=NOT_AXIAL, s1_2=NOT_AXIAL, s1_3=NOT_AXIAL))
    assert tried == [["1.2"], ["1.3"], ["2.1"], ["2.9"]]
    assert len(lines) == 1


def test_where_nothing_serves_everything_was_tried_once() -> None:
    every = dict.fromkeys(("s1_1", "s1_2", "s1_3", "s2_1"), NOT_AXIAL)
    assert rounds(Archive(**every)) == ([["1.2"], ["1.3"], ["2.1"]], [])


def test_an_original_of_the_visit_goes_before_a_derived_and_another_visit_is_not_asked() -> None:
    assert rounds(Archive(s1_1=DERIVED)) == (
        [["1.2"]],
        [f"{P}: 1.2 serves in the place of 1.1: derived"],
    )
    assert rounds(Archive(s1_1=DERIVED, s1_2=NOT_AXIAL, s1_3=REFORMAT)) == ([["1.2"], ["1.3"]], [])
    tried, lines = rounds(Archive(s1_1=REFORMAT, s1_2=DERIVED, s1_3=DERIVED))
    assert (tried, lines) == ([["1.2"], ["1.3"]], [f"{P}: 1.2 serves in the place of 1.1: derived; a reformat"])


def test_what_a_person_chose_is_not_replaced() -> None:
    by_hand = replace(SECOND, chosen=True, reason="by hand: the sharper one")
    assert candidates_of(by_hand, [replace(FIRST, chosen=False), by_hand, THIRD]) == [by_hand]
    assert candidates_of(replace(SECOND, chosen=True), [SECOND, THIRD])[1:] == [SECOND, THIRD]


def test_the_rule_says_what_has_to_be_fetched_first() -> None:
    candidates = candidates_of(FIRST, ITEMS)
    assert [one.key for one in candidates] == ["1.1", "1.2", "1.3", "2.1"]
    assert settled(candidates, {}, fits) == (None, FIRST)


def test_a_runner_up_is_checked_as_strictly_as_a_chosen_item() -> None:
    def refuse(one: Item) -> None:
        if one.key == "../x":
            raise BadInputError("a path")

    assert check_lock(flair_lock(FIRST, item("../x")), refuse)
    with pytest.raises(BadInputError, match="a path"):
        check_lock(flair_lock(FIRST, item("../x", runner_up=1)), refuse)
