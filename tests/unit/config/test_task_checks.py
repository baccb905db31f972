"""What a task of labels needs of other sections is asked before any job, in one line."""

from typing import Any

import pytest

from mgi.config.tree import checked
from mgi.core.errors import ConfigError

LABELS = {
    "source": "table", "table": "own.tsv",
    "columns": {"classes": {"idh": "IDH"}, "time_days": "days", "event": "status"},
}  # fmt: skip
CLASSES = {"labels": LABELS, "runs": {"task": "classification", "target": "idh", "methods": ["mgi"]}}
SURVIVAL = {"labels": LABELS, "runs": {"task": "survival", "methods": ["mgi"], "controls": ["no-image"]}}
SINCE = ", since runs.task is "


def changed(config: dict[str, Any], section: str, **changes: Any) -> dict[str, Any]:
    return {**config, section: {**config.get(section, {}), **changes}}


def test_both_tasks_are_taken_with_labels() -> None:
    assert checked(CLASSES)["runs"]["target"] == "idh"
    assert checked(SURVIVAL)["survival"]["hazard"] == "cox"
    gdc = changed(CLASSES, "runs", target="grade") | {"labels": {"source": "gdc"}}
    assert checked(gdc)["runs"]["target"] == "grade"


def test_no_control_is_added_to_the_default() -> None:
    assert checked({})["runs"]["controls"] == ["no-genes", "random-id", "no-pretraining"]
    assert checked({})["runs"]["target"] is None


@pytest.mark.parametrize(
    ("config", "message"),
    [
        (changed(CLASSES, "runs", methods=["mgi", "unet"]), 'runs.methods: found "unet", expected mgi alone'),
        (changed(CLASSES, "runs", target=None), "runs.target: found null, expected one of idh"),
        (changed(CLASSES, "runs", target="codel"), 'runs.target: found "codel", expected one of idh'),
        (CLASSES | {"labels": {}}, "labels.source: found null, expected table, gdc or oracles"),
        (changed(SURVIVAL, "runs", target="idh"), 'runs.target: found "idh", expected null'),
        (
            changed(SURVIVAL, "labels", columns={"classes": {"idh": "IDH"}}),
            "labels.columns.time_days: found null, expected a column of times, here or in time_months",
        ),
        (changed(CLASSES, "runs", seeds=[0, 1], ensemble=True), "runs.ensemble: found true, expected false"),
        (changed(CLASSES, "runs", leaky_slice_split={}), "runs.leaky_slice_split: found"),
        (changed(CLASSES, "finetune", processes=2), "finetune.processes: found 2, expected 1"),
        (
            changed(CLASSES, "labels", read_off={"idh": ["rna"]}, circular="refuse"),
            'runs.target: found "idh", expected a label that is not read off rna (labels.circular is refuse)',
        ),
        ({"runs": {"target": "idh"}}, 'runs.target: found "idh", expected null'),
        ({"runs": {"controls": ["no-image"]}}, 'runs.controls: found "no-image", expected other controls'),
    ],
)
def test_what_does_not_go_with_the_task_is_named(config: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as refused:
        checked(config)
    assert str(refused.value).startswith(message)
    assert SINCE in str(refused.value)


def test_a_circular_label_passes_with_its_mark() -> None:
    assert checked(changed(CLASSES, "labels", read_off={"idh": ["rna"]}))["labels"]["circular"] == "label"


MEASURED = {"cn": {}, "mutation": {}}


def test_oracles_are_labels_of_configured_modalities() -> None:
    labels = {"source": "oracles", "oracles": ["idh", "codel"]}
    runs = {"task": "classification", "target": "codel", "methods": ["mgi"]}
    assert checked({"modalities": MEASURED, "labels": labels, "runs": runs})["labels"]["oracles"] == ["idh", "codel"]
    probe = {"probe": {"targets": ["codel"]}, "associate": {"subtype": ["idh"], "covariates": []}}
    assert checked({"modalities": MEASURED, "labels": labels, **probe})["probe"]["targets"] == ["codel"]
    with pytest.raises(
        ConfigError, match=r'^labels\.oracles: found "codel", expected a section modalities\.cn, which it is read off$'
    ):
        checked({"modalities": {"mutation": {}}, "labels": labels})
    with pytest.raises(
        ConfigError, match=r'^labels\.read_off\.idh: found "cn", expected modalities, of rna, flair, mut'
    ):
        checked({"modalities": {"mutation": {}}, "labels": {**LABELS, "read_off": {"idh": ["cn"]}}})
    with pytest.raises(ConfigError, match=r"found covariates, expected a labels\.source, which has age and sex"):
        checked({"modalities": MEASURED, "labels": labels, "pretrain": {"modalities": ["rna", "covariates"]}})
    beside = {**LABELS, "oracles": ["idh"]}
    target = {**runs, "target": "idh_oracle"}
    assert checked({"modalities": MEASURED, "labels": beside, "runs": target})["runs"]["target"] == "idh_oracle"
