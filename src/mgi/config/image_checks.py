"""What goes with the image that runs read: slices of a scan, or tiles of slides."""

from collections.abc import Iterator, Mapping
from typing import Any

from mgi.core.errors import ConfigError
from mgi.core.run import EXPRESSION, IMAGE
from mgi.core.section_errors import shown
from mgi.modalities import registry
from mgi.tasks.registry import reads_labels
from mgi.training.settings import IMAGE_ALONE

BAGS = "bags"


def reads_bags(config: Mapping[str, Any]) -> bool:
    """Whether the runs read slides, of which a shard has bags of tiles."""
    return registry.modality(config["runs"]["image"]).shard_format == BAGS


def check_image(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where `runs.image` is not configured, or another section cannot go with it."""
    image, sections = config["runs"]["image"], config["modalities"]
    known = [name for name, section in sections.items() if section is not None and _can_be_read(name)]
    if image not in known:
        raise ConfigError(f"runs.image: found {shown(image)}, expected {_among(known)}")
    for key, found, expected in _of_bags(config) if reads_bags(config) else ():
        raise ConfigError(f"{key}: found {shown(found)}, expected {expected}, since runs.image is {image}")


def _can_be_read(name: str) -> bool:
    return name == IMAGE or registry.modality(name).shard_format == BAGS


def _among(known: list[str]) -> str:
    """Which images there are; each needs its section."""
    return f"one of {', '.join(known)}, which are configured" if known else f"{IMAGE} or slides, and its section"


def _of_bags(config: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    task, required = config["runs"]["task"], config["cohort"]["require"]
    needed = sorted({config["runs"]["image"], EXPRESSION})
    if required is not None and not set(needed) <= set(required):
        yield "cohort.require", required, f"{' and '.join(needed)} among them"
    if not reads_labels(task):
        yield "runs.task", task, "a task of labels"
    if config["predict"]["tta_flip"]:
        yield "predict.tta_flip", True, "false"
    for key in ("associate", "explain"):
        if config[key] is not None:
            yield key, "a section", "null"


def check_pretraining_on_bags(where: str, pretrain: Mapping[str, Any], image: str) -> None:
    """Raise ConfigError where a pre-training, such as a variant's, asks for what slides cannot have."""
    for key, found, expected in _of_pretraining(where, pretrain):
        raise ConfigError(f"{key}: found {shown(found)}, expected {expected}, since runs.image is {image}")


def _of_pretraining(where: str, pretrain: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    if pretrain["loss"] in IMAGE_ALONE:
        yield f"{where}.loss", pretrain["loss"], "a contrast with genes"
    for key, expected in (("processes", 1), ("compile", False)):
        if pretrain[key] != expected:
            yield f"{where}.{key}", pretrain[key], shown(expected)
