"""Broken slides end by their named reason, and faults on the way to a slide as those of any file."""

from pathlib import Path

import pytest

pytest.importorskip("openslide")

from refused_slides import REFUSED
from slide_faults import FAULTS, SlideFault, name_of, run_slide_fault

from mgi_standin.simulation.slides_broken import CASES


def test_every_broken_slide_is_there() -> None:
    assert {fault.case for fault in FAULTS} == {*CASES}
    assert {*REFUSED} < {*CASES}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: name_of(fault).replace(" ", "_"))
def test_no_slide_is_lost_without_a_word(fault: SlideFault, tmp_path: Path) -> None:
    assert run_slide_fault(fault, tmp_path).problems == []
