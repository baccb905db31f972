"""What a task of labels needs of other sections, checked before any job."""

from collections.abc import Iterator, Mapping
from typing import Any

from mgi.cohort.labels.settings import LabelSettings
from mgi.core.errors import ConfigError
from mgi.core.run import MULTIMODAL_METHOD, NO_IMAGE, images_of
from mgi.core.section_errors import shown
from mgi.tasks.registry import reads_labels

CLASSIFICATION = "classification"


def check_task(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for the first key that does not go with `runs.task`."""
    task = config["runs"]["task"]
    for key, found, expected in _of_labels(config) if reads_labels(task) else _of_others(config):
        raise ConfigError(f"{key}: found {shown(found)}, expected {expected}, since runs.task is {task}")


def _of_others(config: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    runs = config["runs"]
    if runs["target"] is not None:
        yield "runs.target", runs["target"], "null"
    for key, section in (("runs", runs), ("runs.leaky_slice_split", runs["leaky_slice_split"] or {"controls": []})):
        if NO_IMAGE in section["controls"]:
            yield f"{key}.controls", NO_IMAGE, "other controls"


def _of_labels(config: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    runs = config["runs"]
    for method in runs["methods"]:
        if method != MULTIMODAL_METHOD:
            yield "runs.methods", method, f"{MULTIMODAL_METHOD} alone"
    yield from _labels(config)
    unfit = {
        "runs.leaky_slice_split": (runs["leaky_slice_split"] and "a section", None),
        "runs.ensemble": (runs["ensemble"], False),
        "external": (config["external"] and "a section", None),
        "finetune.processes": (config["finetune"]["processes"], 1),
    }
    for key, (found, expected) in unfit.items():
        if found != expected:
            yield key, found, shown(expected)


def _labels(config: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    target, labels = config["runs"]["target"], LabelSettings.read(config["labels"], where="labels")
    if labels.source is None:
        yield "labels.source", None, "table, gdc or oracles"
    if config["runs"]["task"] == CLASSIFICATION:
        if target not in labels.classes:
            among = ", ".join(labels.classes)
            yield "runs.target", target, f"one of {among}" if among else "a name of labels.columns.classes"
        told_by = labels.told_by.get(target, ()) if labels.circular == "refuse" else ()
        for modality in told_by:
            if modality in (*images_of(config["runs"]), *config["finetune"]["modalities"]):
                yield "runs.target", target, f"a label that is not read off {modality} (labels.circular is refuse)"
        return
    if target is not None:
        yield "runs.target", target, "null"
    if not labels.has_survival:
        yield "labels.columns.time_days", None, "a column of times, here or in time_months"
