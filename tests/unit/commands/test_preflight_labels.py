import json
from pathlib import Path

import pytest

from mgi.cli import main
from mgi.core.errors import BadInputError, ConfigError


def preflight(target: Path, settings: dict) -> int:
    return main(["preflight-labels", "--output", str(target), "--settings", json.dumps(settings)])


def test_a_table_of_labels_is_read_before_anything_is_fetched(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    target, table = tmp_path / "preflight.json", tmp_path / "own.csv"
    table.write_text("patient_id,IDH\nTCGA-DU-0001,WT\nTCGA-DU-0002,Mutant\n")
    settings = {"source": "table", "table": str(table), "columns": {"classes": {"idh": "IDH"}}}
    assert preflight(target, settings) == 0
    assert "labels from table: ready: 2 patients with idh" in capsys.readouterr().out
    assert json.loads(target.read_text())["detail"] == "2 patients with idh"
    settings["columns"] = {"classes": {"idh": "IDH status"}}
    target.unlink()
    assert preflight(target, settings) == BadInputError.exit_code
    said = capsys.readouterr().err
    assert f"{table}: " in said
    assert "IDH status" in said
    assert not target.exists()


def test_labels_of_the_gdc_are_not_looked_at_here(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert preflight(tmp_path / "p.json", {"source": "gdc"}) == ConfigError.exit_code
    assert "labels.source: found gdc, expected table; fetch-labels asks the GDC" in capsys.readouterr().err
