import json
from pathlib import Path

import pytest

from mgi_standin.__main__ import main
from mgi_standin.commands.simulate import report_tenth

SETTINGS = {
    "seed": 5,
    "n_patients": 4,
    "n_genes": 800,
    "slices_min": 5,
    "slices_max": 5,
    "pixels": 24,
    "genes_drive_images": False,
}


def simulate(output: Path, *more: str, **changes) -> int:
    return main(["simulate", "--settings", json.dumps(SETTINGS | changes), "--output", str(output), *more])


def test_simulate_writes_a_complete_archive_and_reports_its_progress(tmp_path, capsys):
    assert simulate(tmp_path / "archive" / "archive.json") == 0
    assert json.loads((tmp_path / "archive" / "archive.json").read_text())["genes_drive_images"] is False
    assert "4 of 4 patients" in capsys.readouterr().err


def test_a_large_cohort_is_reported_in_tenths(capsys):
    for done in range(1, 131):
        report_tenth(done, 130)
    assert len(capsys.readouterr().err.splitlines()) == 10


@pytest.mark.parametrize(
    ("changes", "named"), [({"n_patient": 3}, "simulation.n_patient"), ({"seed": "1"}, "simulation.seed")]
)
def test_wrong_settings_are_one_line_and_exit_2(tmp_path, capsys, changes, named):
    assert simulate(tmp_path / "archive.json", **changes) == 2
    assert named in capsys.readouterr().err
    assert not (tmp_path / "archive.json").exists()


def test_the_output_must_be_called_archive_json(tmp_path, capsys):
    assert simulate(tmp_path / "done.json") == 2
    assert "archive.json" in capsys.readouterr().err
