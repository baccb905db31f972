"""Variants: pre-trainings of their own, whose settings are the config's with some keys changed."""

from collections.abc import Mapping
from typing import Any

VARIED = ("pretrain", "model")
"""The sections whose keys a variant may change."""


def section_of(config: Mapping[str, Any], name: str, variant: str | None) -> dict[str, Any]:
    """The section `pretrain` or `model` as a run of this variant reads it; without a variant as it stands."""
    section: dict[str, Any] = config[name]
    return section if variant is None else laid_over(section, config["runs"]["variants"][variant][name])


def laid_over(section: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The section with some keys replaced; a mapping over a mapping is laid over it in turn."""
    laid = dict(section)
    for key, value in changes.items():
        below = laid.get(key)
        laid[key] = laid_over(below, value) if isinstance(below, Mapping) and isinstance(value, Mapping) else value
    return laid
