"""What sections of the config must agree on: checked when every section is right by itself."""

import unicodedata
from collections.abc import Iterator, Mapping
from typing import Any

from mgi.cohort.labels.oracles import READ_OFF
from mgi.config.explain_checks import check_explain
from mgi.config.modality_checks import (
    check_encoders,
    check_finetuned_modalities,
    check_pretrained_modalities,
    check_scanned_modalities,
)
from mgi.config.variants import check_gene_sets
from mgi.core.errors import ConfigError
from mgi.core.section_errors import joined, shown
from mgi.modalities import registry
from mgi.models.settings import HALVING, HALVINGS

UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # Unicode's control characters, halves of characters, ends of lines


def check_texts(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for a text that no command line can hold; what is read of a file is checked there."""
    for place, text in _texts(config):
        if any(unicodedata.category(character) in UNPRINTABLE for character in text):
            raise ConfigError(f"{place}: found {shown(text)}, expected text without control characters")


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, Mapping | list):
        parts = value.items() if isinstance(value, Mapping) else enumerate(value)
        for key, inner in parts:
            yield from _texts(inner, joined(place, [key]))


def check_across_sections(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for the first two keys of different sections that contradict each other."""
    folds = config["split"]["folds"]
    runs, leaky = config["runs"], config["runs"]["leaky_slice_split"] or {"folds": []}
    for key, section in (("runs", runs), ("runs.leaky_slice_split", leaky)):
        if beyond := [fold for fold in section["folds"] if fold >= folds]:
            raise ConfigError(f"{key}.folds: found {beyond[0]}, expected 0 to {folds - 1} (split.folds is {folds})")
    configured = [name for name, section in config["modalities"].items() if section is not None]
    for label, told_by in config["labels"]["read_off"].items():
        if unknown := sorted(set(told_by) - set(configured)):
            expected = f"modalities, of {', '.join(configured)}"
            raise ConfigError(f"labels.read_off.{label}: found {shown(unknown[0])}, expected {expected}")
    for oracle in config["labels"]["oracles"]:
        if READ_OFF[oracle] not in configured:
            expected = f"a section modalities.{READ_OFF[oracle]}, which it is read off"
            raise ConfigError(f"labels.oracles: found {shown(oracle)}, expected {expected}")
    for stage in ("pretrain", "finetune"):
        processes, nodes = config[stage]["processes"], config["compute"]["nodes"]
        if processes > 1 and processes % nodes:
            raise ConfigError(f"{stage}.processes: found {processes}, expected a multiple of compute.nodes, {nodes}")
    check_image_size(config)
    check_explain(config)
    check_gene_sets(config["model"], "model")
    check_pretrained_modalities(config, config["pretrain"], "pretrain")
    check_finetuned_modalities(config)
    check_scanned_modalities(config)
    check_encoders(config, config["model"], "model")


def check_image_size(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where a network halves its maps more often than the image's side can be halved."""
    size, step = config["model"]["image_size"], 2**HALVINGS
    halving = [method for method in config["runs"]["methods"] if method in HALVING]
    if halving and size % step:
        expected = f"a multiple of {step}, for {', '.join(halving)} of runs.methods"
        raise ConfigError(f"model.image_size: found {size}, expected {expected}")


def check_channels(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where the other archive's images have other channels than the networks will have learned."""
    if config["external"] is None:
        return
    ours, theirs = ((one["modalities"].get("flair") or {}).get("channels") for one in (config, config["external"]))
    if ours and theirs and ours != theirs:
        expected = f"{shown(ours)} as modalities.flair.channels"
        raise ConfigError(f"external.modalities.flair.channels: found {shown(theirs)}, expected {expected}")


def check_own_files(sections: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError where a section names the user's own file for another source than the chosen one.

    A plugin says by `own_files` which source reads which; the settings of the built-in ones know it themselves.
    """
    for name, section in sections.items():
        own_files, known = registry.modality(name).own_files, registry.settings_class(name).read_by
        for source, key in own_files.items() if section else ():
            if key not in known and key != own_files.get(section["source"]) and section.get(key) is not None:
                found = f"found {shown(section[key])}, expected null"
                raise ConfigError(f"{where}.{name}.{key}: {found}, since only source {source} reads it")


def check_other_archive(external: Mapping[str, Any] | None) -> None:
    """Raise ConfigError where another archive's section, as the user gave it, says what the first cohort decides."""
    for name, section in (external or {}).get("modalities", {}).items():
        if given := [key for key in registry.settings_class(name).first_cohort_only if key in section]:
            place = f"external.modalities.{name}.{given[0]}"
            raise ConfigError(f"{place}: found a value, expected none: it is fitted on the first cohort")
