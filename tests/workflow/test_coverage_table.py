"""The table at the end of `make coverage`."""

import json
import sys
from pathlib import Path

import pytest

import coverage_table

REPORT = {
    "files": {
        f"src/{name}": {
            "summary": {"num_statements": lines, "covered_lines": ran, "num_branches": ways, "covered_branches": taken}
        }
        for name, lines, ran, ways, taken in [
            ("mgi/__init__.py", 2, 2, 0, 0),
            ("mgi/release/card.py", 60, 50, 20, 10),
            ("mgi/release/flags.py", 20, 20, 0, 0),
            ("mgi_standin/archive/gdc.py", 80, 80, 20, 20),
        ]
    }
}


def test_packages_stand_in_order_and_the_whole_last() -> None:
    assert [line.split() for line in coverage_table.table(REPORT)] == [
        ["package", "lines", "branches", "covered"],
        ["mgi.release", "80", "20", "80.0%"],
        ["mgi", "2", "0", "100.0%"],
        ["mgi_standin.archive", "80", "20", "100.0%"],
        ["src", "162", "40", "90.1%"],
    ]


@pytest.mark.parametrize(("asked", "code"), [("90", 0), ("91", 1)])
def test_less_than_what_is_asked_fails(asked: str, code: int, tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "c.json").write_text(json.dumps(REPORT))
    monkeypatch.setattr(sys, "argv", ["coverage_table.py", str(tmp_path / "c.json"), asked])
    assert coverage_table.main() == code
    assert ("expected at least 91 %" in capsys.readouterr().err) is bool(code)
