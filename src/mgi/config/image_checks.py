"""What goes with the image that runs read: slices of a scan, or tiles of slides."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mgi.core.errors import ConfigError
from mgi.core.run import EXPRESSION, IMAGE, SLIDES, WITHOUT_ONE, images_of
from mgi.core.section_errors import shown
from mgi.modalities import registry
from mgi.tasks.registry import reads_labels
from mgi.training.settings import IMAGE_ALONE

BAGS = "bags"
BOTH = (IMAGE, SLIDES)


def reads_bags(config: Mapping[str, Any]) -> bool:
    """Whether the runs read slides, of which a shard has bags of tiles."""
    return any(registry.modality(image).shard_format == BAGS for image in images_of(config["runs"]))


def reads_several(config: Mapping[str, Any]) -> bool:
    """Whether the runs read a scan and slides together."""
    return len(images_of(config["runs"])) > 1


def check_image(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where `runs.image` is not configured, or another section cannot go with it."""
    images, sections = images_of(config["runs"]), config["modalities"]
    known = [name for name, section in sections.items() if section is not None and _can_be_read(name)]
    for image in images:
        if image not in known:
            raise ConfigError(f"runs.image: found {shown(image)}, expected {_among(known)}")
    if len(images) > 1 and images != BOTH:
        raise ConfigError(f"runs.image: found {', '.join(images)}, expected one image, or {' and '.join(BOTH)}")
    for key, found, expected in _of_images(config):
        raise ConfigError(f"{key}: found {shown(found)}, expected {expected}, since runs.image is {_and(images)}")


def _can_be_read(name: str) -> bool:
    return name == IMAGE or registry.modality(name).shard_format == BAGS


def _among(known: list[str]) -> str:
    """Which images there are; each needs its section."""
    return f"one of {', '.join(known)}, which are configured" if known else f"{IMAGE} or slides, and its section"


def _and(images: Sequence[str]) -> str:
    return " and ".join(images)


def _of_images(config: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    several = reads_several(config)
    for control in config["runs"]["controls"]:
        if control in WITHOUT_ONE and not several:
            yield "runs.controls", control, "other controls"
    if any_of := config["cohort"]["any_of"]:
        if not several:
            yield "cohort.any_of", any_of, "none"
        if set(any_of) != set(BOTH):
            yield "cohort.any_of", any_of, f"none, or {_and(BOTH)}"
    if reads_bags(config):
        yield from _of_bags(config)
    if several and config["probe"] is not None:
        yield "probe", "a section", "null"


def _of_bags(config: Mapping[str, Any]) -> Iterator[tuple[str, Any, str]]:
    task, required, any_of = config["runs"]["task"], config["cohort"]["require"], config["cohort"]["any_of"]
    needed = sorted({EXPRESSION, *(() if any_of else images_of(config["runs"]))})
    if required is None and any_of:
        yield "cohort.require", None, f"{EXPRESSION}, and no image, beside cohort.any_of"
    if required is not None and not set(needed) <= set(required):
        yield "cohort.require", required, f"{' and '.join(needed)} among them"
    if any_of and (both := sorted(set(required or ()) & set(any_of))):
        yield "cohort.require", both[0], "it in cohort.any_of alone"
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
