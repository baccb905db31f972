import json
from pathlib import Path

import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import sha256_of, write_json
from mgi.core.run import Run
from mgi.reporting.results import read_curve

RUN = Run(task="segmentation", method="unet", inputs=("flair",), fold=0, seed=0)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    lines = [
        {"step": 50, "loss": 1.0},
        {"step": 100, "loss": 0.5, "validation_dice": 0.3},
    ]
    path = tmp_path / RUN.key / "curves.jsonl"
    path.parent.mkdir()
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return recorded(path)


def recorded(path: Path, run: Run = RUN) -> Path:
    """The log with the record of its run beside it."""
    write_json(path.with_name("run.json"), {"run": run.record(), "files": {path.name: sha256_of(path)}})
    return path


def test_a_field_is_read_by_step(log: Path) -> None:
    curve = read_curve(log, {RUN.key: "unet"})
    assert (curve.run, curve.method) == (RUN.key, "unet")
    assert curve.by_step("loss").to_dict() == {50.0: 1.0, 100.0: 0.5}
    assert curve.by_step("validation_dice").to_dict() == {100.0: 0.3}


def test_what_was_not_logged_is_empty(log: Path) -> None:
    curve = read_curve(log, {})
    assert curve.method is None
    assert curve.by_step("recall").empty


def test_a_line_that_is_not_json_is_named(log: Path) -> None:
    log.write_text(log.read_text() + '{"step": 1,')
    recorded(log)
    with pytest.raises(BadInputError, match=r"curves\.jsonl: line 3 .*JSON"):
        read_curve(log, {})


def test_a_log_that_its_record_does_not_describe_is_refused(log: Path) -> None:
    log.write_text(log.read_text().replace("0.5", "0.4"))
    with pytest.raises(IntegrityError, match=r"curves\.jsonl: damaged .*run\.json; .*--forcerun finetune"):
        read_curve(log, {})
    log.with_name("run.json").unlink()
    with pytest.raises(BadInputError, match=r"run\.json: missing; .*--forcerun finetune"):
        read_curve(log, {})


def test_the_log_and_record_of_another_run_are_refused(log: Path) -> None:
    recorded(log, Run(task="segmentation", method="unet", inputs=("flair",), fold=1, seed=0))
    with pytest.raises(BadInputError, match=r"run\.json: run: found unet-fold1-seed0, expected unet-fold0-seed0"):
        read_curve(log, {})


@pytest.mark.parametrize(
    ("settings", "is_null"),
    [({}, False), ({"permuted_tiles": False, "permuted_modality": None}, False), ({"permuted_modality": "rna"}, True)],
)
def test_a_pretraining_on_pairs_that_are_none_is_known_by_its_record(log: Path, settings, is_null: bool) -> None:
    record = log.with_name("run.json")
    write_json(record, json.loads(record.read_text()) | {"settings": settings})
    assert read_curve(log, {}).is_null is is_null
