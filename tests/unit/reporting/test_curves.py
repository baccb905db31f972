import json
from pathlib import Path

import pytest

from mgi.core.errors import BadInputError
from mgi.reporting.curves import read_curve


@pytest.fixture
def log(tmp_path: Path) -> Path:
    lines = [
        {"epoch": 0, "step": 0, "split": "train", "loss": 1.0},
        {"epoch": 0, "step": 1, "split": "train", "loss": 0.5},
        {"epoch": 0, "step": 1, "split": "validation", "loss": 0.8, "dice": 0.3},
    ]
    path = tmp_path / "unet-none-fold0-seed0" / "curves.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_steps_are_averaged_within_an_epoch(log: Path) -> None:
    curve = read_curve(log, {"unet-none-fold0-seed0": "unet"})
    assert (curve.run, curve.method) == ("unet-none-fold0-seed0", "unet")
    assert curve.by_epoch("train", "loss").to_dict() == {0.0: 0.75}
    assert curve.by_epoch("validation", "dice").to_dict() == {0.0: 0.3}


def test_what_was_not_logged_is_empty(log: Path) -> None:
    curve = read_curve(log, {})
    assert curve.method is None
    assert curve.by_epoch("train", "dice").empty
    assert curve.by_epoch("train", "recall").empty


def test_a_line_that_is_not_json_is_named(log: Path) -> None:
    log.write_text(log.read_text() + '{"epoch": 1,')
    with pytest.raises(BadInputError, match=r"curves\.jsonl: line 4 is not JSON"):
        read_curve(log, {})
