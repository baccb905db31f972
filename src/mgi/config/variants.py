"""The config's `runs.variants`: each is read as the sections that it changes are, and kept as its changes."""

import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from mgi.config.modality_checks import check_encoders, check_pretrained_modalities
from mgi.core.errors import ConfigError
from mgi.core.run import CONTROLS, ENSEMBLE, MULTIMODAL_METHOD, SLICE
from mgi.core.section import Section
from mgi.core.section_errors import shown
from mgi.core.variants import VARIED, laid_over, section_of
from mgi.models.settings import SIZES, ModelSettings
from mgi.training.settings import PretrainSettings

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
SECTIONS: Mapping[str, type[Section]] = {"pretrain": PretrainSettings, "model": ModelSettings}
COMMON = {"pretrain": ("processes",), "model": ("image_size", "image_crop")}
"""Keys that every pre-training has in common: what its job asks for, and the slices that all networks see."""


class VariantSettings(Section):
    """A pre-training of its own: what it changes of the sections `pretrain` and `model`."""

    pretrain: dict[str, Any] = Field(default={})
    """Keys of the section pretrain, laid over it."""
    model: dict[str, Any] = Field(default={})
    """Keys of the section model, laid over it."""
    finetune: bool = False
    """Whether MGI is also fine-tuned from it, on every fold and seed, as the method mgi-NAME of all tables."""


def filled_variants(config: Mapping[str, Any]) -> dict[str, Any]:
    """The variants of a config whose other sections are filled, each with the changes as its sections read them.

    Raises ConfigError for the first thing that is wrong, by its key such as `runs.variants.mlp.model.gene_encoder`.
    """
    variants: dict[str, Any] = config["runs"]["variants"]
    if variants and MULTIMODAL_METHOD not in config["runs"]["methods"]:
        first = next(iter(variants))
        raise ConfigError(f"runs.variants.{first}: found a variant, expected none without mgi in runs.methods")
    return {name: _filled(config, name, given) for name, given in variants.items()}


def check_gene_sets(model: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError where a section `model` has tokens of pathways and no file of them, or the other way round."""
    tokens, pathways = model["gene_tokens"], model["pathways"]
    if tokens == "pathway" and pathways is None:
        raise ConfigError(f"{where}.pathways: found null, expected a .gmt file for gene_tokens pathway")
    if tokens != "pathway" and pathways is not None:
        raise ConfigError(f"{where}.pathways: found {shown(pathways)}, expected null, since gene_tokens is {tokens}")


def _filled(config: Mapping[str, Any], name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    _check_name(name)
    where, filled = f"runs.variants.{name}", dict(given)
    for section in VARIED:
        place, changes = f"{where}.{section}", _sized(given[section])
        whole = SECTIONS[section].read(laid_over(config[section], changes), where=place).plain()
        for key in COMMON[section]:
            if whole[key] != config[section][key]:
                expected = f"{shown(config[section][key])} as {section}.{key}, which all pre-trainings share"
                raise ConfigError(f"{place}.{key}: found {shown(whole[key])}, expected {expected}")
        filled[section] = _changes(changes, whole)
    if all(laid_over(config[section], filled[section]) == section_of(config, section, None) for section in VARIED):
        raise ConfigError(f"{where}: found nothing that differs, expected other values of keys of pretrain or model")
    model = laid_over(config["model"], filled["model"])
    check_gene_sets(model, f"{where}.model")
    check_encoders(config, model, f"{where}.model")
    check_pretrained_modalities(config, laid_over(config["pretrain"], filled["pretrain"]), f"{where}.pretrain")
    return filled


def _check_name(name: str) -> None:
    """Raise ConfigError for a name that is no part of a file's name, or that another method's label would have."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"runs.variants: found {shown(name)}, expected names of at most 40 letters, digits, _ and -, "
            "the first a letter or digit"
        )
    for taken in (*CONTROLS, SLICE, ENSEMBLE):
        if name == taken or name.startswith(f"{taken}-") or name.endswith(f"-{taken}"):
            raise ConfigError(f"runs.variants.{name}: found the name {name}, expected one without {taken}: it is taken")


def _sized(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The changes with a known `size` as the values that it stands for: over the section's own it would say nothing."""
    size = changes.get("size")
    if not isinstance(size, str) or size not in SIZES:
        return dict(changes)
    return {**SIZES[size], **{key: value for key, value in changes.items() if key != "size"}}


def _changes(given: Mapping[str, Any], whole: Mapping[str, Any]) -> dict[str, Any]:
    """Of the whole section the keys that were given, with their values as it reads them."""
    return {
        key: _changes(value, whole[key]) if isinstance(whole.get(key), Mapping) else whole.get(key, value)
        for key, value in given.items()
        if key in whole or value != {}  # of a mapping that is empty nothing is said
    }
