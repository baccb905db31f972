"""What is said of a config that differs from the one beside the results."""

import json
from pathlib import Path
from typing import Any

import pytest

from lib.changed import changed_keys

NOW = {
    "results": "results/a",
    "runs": {"methods": ["mgi", "unet"], "leaky_slice_split": None},
    "finetune": {"schedule": {"steps": 8}, "gene_dropout": 0.5},
}


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    return tmp_path / "config.json"


def lines(recorded: Path, before: Any) -> list[str]:
    recorded.write_text(json.dumps(before))
    return changed_keys(recorded, NOW)


def test_each_key_that_differs_is_named_with_both_values(recorded: Path) -> None:
    before = {
        **NOW,
        "results": "moved",
        "content_sha256": "x",
        "runs": {"methods": ["mgi"], "leaky_slice_split": {"folds": [0]}},
        "finetune": {"schedule": {"steps": 4}, "gene_dropout": 0.5, "gone": True},
    }
    assert lines(recorded, before) == [
        'config: runs.methods: ["mgi", "unet"], was ["mgi"]',
        'config: runs.leaky_slice_split: null, was {"folds": [0]}',
        "config: finetune.schedule.steps: 8, was 4",
        "config: finetune.gone: not there, was true",
        f"config: {recorded} has what was; see 'What a change reruns' in config/README.md",
    ]


def test_nothing_is_said_without_a_change_or_without_a_record(recorded: Path) -> None:
    assert changed_keys(recorded, NOW) == []
    assert lines(recorded, NOW | {"content_sha256": "x"}) == []
    assert lines(recorded, ["no", "config"]) == []
    recorded.write_text("{cut off")
    assert changed_keys(recorded, NOW) == []


def test_a_long_value_is_cut_and_many_keys_are_counted(recorded: Path) -> None:
    said = lines(recorded, NOW | {"finetune": {f"key{n}": "x" * 100 for n in range(30)}})
    assert len(said) == 22
    assert said[20] == "config: and 12 more keys"
    assert max(map(len, said[:20])) < 120
