"""Every fault at both services: the right bytes in the end, or a named error; never less without a word."""

from pathlib import Path

import fault_archive
import pytest
from fault_cases import CASES, Case, name_of
from fault_run import run_case


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fault_archive.write_archive(tmp_path_factory.mktemp("faults") / "archive")


@pytest.mark.parametrize("case", CASES, ids=name_of)
def test_nothing_is_lost_without_a_word(case: Case, archive: Path, tmp_path: Path) -> None:
    assert run_case(case, archive, tmp_path).problems == []
