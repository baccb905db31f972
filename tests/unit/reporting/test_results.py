import json
from pathlib import Path

import pytest

from mgi.core.errors import BadInputError
from mgi.reporting.results import read_curve


@pytest.fixture
def log(tmp_path: Path) -> Path:
    lines = [
        {"step": 50, "loss": 1.0},
        {"step": 100, "loss": 0.5, "validation_dice": 0.3},
    ]
    path = tmp_path / "unet-none-fold0-seed0" / "curves.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_field_is_read_by_step(log: Path) -> None:
    curve = read_curve(log, {"unet-none-fold0-seed0": "unet"})
    assert (curve.run, curve.method) == ("unet-none-fold0-seed0", "unet")
    assert curve.by_step("loss").to_dict() == {50.0: 1.0, 100.0: 0.5}
    assert curve.by_step("validation_dice").to_dict() == {100.0: 0.3}


def test_what_was_not_logged_is_empty(log: Path) -> None:
    curve = read_curve(log, {})
    assert curve.method is None
    assert curve.by_step("recall").empty


def test_a_line_that_is_not_json_is_named(log: Path) -> None:
    log.write_text(log.read_text() + '{"step": 1,')
    with pytest.raises(BadInputError, match=r"curves\.jsonl: line 3 .*JSON"):
        read_curve(log, {})
