"""The table in the documentation is that of the cases, and the cases are all of them."""

from pathlib import Path

import pytest
from fault_cases import CASES, name_of
from fault_run import Verdict
from matrix import counts, table

PAGE = Path(__file__).parents[2] / "docs/explanation/reliability.md"


def test_the_documented_table_is_the_matrix() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert table() in text, "run: PYTHONPATH=src python tests/faults/matrix.py --table"


@pytest.mark.parametrize("service", ["gdc", "nbia"])
def test_every_mode_is_tried_at_both_services(service: str) -> None:
    assert {case.mode for case in CASES if case.service == service} == {*range(1, 43), "own"}


def test_no_two_cases_have_one_name() -> None:
    assert len({name_of(case) for case in CASES}) == len(CASES)


def test_a_failure_always_has_to_name_its_item() -> None:
    assert [name_of(case) for case in CASES if case.outcome == "fails" and not case.says] == []


def test_the_counts_tell_what_was_wrong() -> None:
    verdicts = [Verdict("recovered"), Verdict("failed"), Verdict("recovered", ["lost one"], lost=True)]
    verdicts.append(Verdict("failed", ["it hung"], hung=True))
    expected = "faults: 4 cases, 1 recovered, 1 failed as they must, 1 silent losses, 1 hangs, 2 wrong"
    assert counts(verdicts) == expected
