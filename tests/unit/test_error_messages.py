"""The full wording of errors of every room and every kind of remedy, kept in tests/golden/errors.txt.

All other tests match an error's class, place and value, so that a sentence can change here alone:
`MGI_UPDATE_GOLDEN=1 python -m pytest tests/unit/test_error_messages.py` writes the file anew.
"""

import os
import re
from pathlib import Path

import pytest

from error_cases import CASES, Case
from mgi.core.errors import MgiError

GOLDEN = Path(__file__).parents[1] / "golden" / "errors.txt"


def test_every_error_reads_as_in_the_golden_file(tmp_path: Path) -> None:
    found = []
    for room, cases in CASES.items():
        found += [f"# {room}", ""]
        for name, case in cases.items():
            found += [f"{name}:", f"  {wording(case, tmp_path / room / name)}", ""]
    if os.environ.get("MGI_UPDATE_GOLDEN"):
        GOLDEN.write_text("\n".join(found), encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8").split("\n")


def wording(case: Case, folder: Path) -> str:
    """The class and text of what a case raises, without what differs between machines."""
    folder.mkdir(parents=True)
    with pytest.raises(MgiError) as caught:
        case(folder)
    text = str(caught.value).replace(str(folder), "FOLDER")
    assert "\n" not in text
    kind = "" if caught.type is MgiError else f"{caught.type.__name__}: "
    return kind + re.sub(r"[0-9.]+ MB are free", "N MB are free", text)
