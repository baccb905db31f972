"""The GDC's cases under every fault of a listing: the honest bytes in the end, or one line."""

from pathlib import Path

import fault_archive
import pytest
from case_faults import FAULTS, CaseFault, run_case_fault


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fault_archive.write_archive(tmp_path_factory.mktemp("faults") / "archive")


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.does.replace(" ", "_"))
def test_no_case_is_lost_without_a_word(fault: CaseFault, archive: Path, tmp_path: Path) -> None:
    assert run_case_fault(fault, archive, tmp_path).problems == []
