"""One slide a patient, and a reason for each other one."""

import random
from dataclasses import replace

from mgi.locks.item import Item
from mgi.modalities.slides.choice import choose_slides
from mgi.modalities.slides.slide_names import slide_name_of


def items(*names: str) -> list[Item]:
    return [
        Item(patient_id=slide_name_of(name).patient_id, key=name, role="slides", size=1, chosen=False, reason="")
        for name in names
    ]


def verdicts(*names: str, frozen: bool = False) -> dict[str, str]:
    return {one.key: one.reason for one in choose_slides(items(*names), frozen=frozen)}


def chosen(*names: str, frozen: bool = False) -> list[str]:
    return [one.key for one in choose_slides(items(*names), frozen=frozen) if one.chosen]


FIRST, SECOND, TENTH = (f"TCGA-CS-4942-01Z-00-DX{number}.x.svs" for number in (1, 2, 10))
TOP, RECURRENT = "TCGA-CS-4942-01A-01-TS1.x.svs", "TCGA-CS-4942-02Z-00-DX1.x.svs"


def test_the_lowest_diagnostic_number_is_chosen_and_the_others_wait_in_their_order() -> None:
    found = {one.key: one for one in choose_slides(items(TENTH, TOP, SECOND, FIRST, RECURRENT), frozen=False)}
    assert [one.key for one in found.values() if one.chosen] == [FIRST]
    assert (found[SECOND].runner_up, found[TENTH].runner_up) == (1, 2)
    assert found[FIRST].reason == "DX1, the first of 3 slides"
    assert found[SECOND].reason == found[TENTH].reason == "not preferred: DX1 chosen"
    assert (found[TOP].runner_up, found[TOP].reason) == (None, "frozen section: DX1 chosen")
    assert (found[RECURRENT].runner_up, found[RECURRENT].reason) == (None, "not of the primary tumour: sample 02")


def test_a_frozen_section_serves_only_where_it_is_allowed_and_nothing_else_is_there() -> None:
    assert chosen(TOP) == []
    assert verdicts(TOP) == {TOP: "frozen section: slides.frozen is false"}
    assert chosen(TOP, frozen=True) == [TOP]
    assert chosen(TOP, SECOND, frozen=True) == [SECOND]


def test_names_of_ones_own_are_taken_in_their_order() -> None:
    assert chosen("P1__b.svs", "P1__a.svs", "P2.svs") == ["P1__a.svs", "P2.svs"]
    assert verdicts("P2.svs") == {"P2.svs": "the only slide"}


def test_the_order_in_which_files_are_listed_does_not_matter() -> None:
    names = [FIRST, SECOND, TENTH, TOP, RECURRENT, "P1__b.svs", "P1__a.svs"]
    expected = choose_slides(items(*names), frozen=False)
    for seed in range(5):
        random.Random(seed).shuffle(names)
        assert choose_slides(items(*names), frozen=False) == expected


def test_a_slide_of_an_archive_is_judged_by_the_name_of_its_file_and_one_with_a_reason_is_out() -> None:
    offered = [
        replace(item, key=key, metadata={"file_name": item.key})
        for item, key in zip(items(TENTH, SECOND, FIRST), ("a", "b", "c"), strict=True)
    ]
    found = {one.key: one for one in choose_slides(offered, frozen=False)}
    assert [(found[key].chosen, found[key].runner_up) for key in "abc"] == [(False, 2), (False, 1), (True, None)]
    refused = [replace(item, reason="controlled access") if item.key == "c" else item for item in offered]
    found = {one.key: one for one in choose_slides(refused, frozen=False)}
    assert (found["b"].chosen, found["b"].reason) == (True, "DX2, the first of 2 slides")
    assert (found["c"].chosen, found["c"].reason, found["c"].runner_up) == (False, "controlled access", None)
