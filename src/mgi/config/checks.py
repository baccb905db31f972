"""What no section can know by itself: whether they go together."""

from collections.abc import Mapping
from typing import Any

from mgi.core.errors import ConfigError
from mgi.modalities import registry


def check_across_sections(config: Mapping[str, Any]) -> None:
    """Raise ConfigError for the first two keys of different sections that contradict each other."""
    folds = config["split"]["folds"]
    runs, leaky = config["runs"], config["runs"]["leaky_slice_split"] or {"folds": []}
    for key, section in (("runs", runs), ("runs.leaky_slice_split", leaky)):
        if beyond := [fold for fold in section["folds"] if fold >= folds]:
            raise ConfigError(f"{key}.folds: found {beyond[0]}, expected 0 to {folds - 1} (split.folds is {folds})")
    if config["model"]["gene_tokens"] == "pathway" and config["model"]["pathways"] is None:
        raise ConfigError("model.pathways: found null, expected a .gmt file for gene_tokens pathway")


def check_other_archive(external: Mapping[str, Any] | None) -> None:
    """Raise ConfigError where another archive's section, as the user gave it, says what the first cohort decides."""
    given = (external or {}).get("modalities", {})
    for name, section in given.items():
        for key in registry.settings_class(name).first_cohort_only:
            if key in section:
                raise ConfigError(
                    f"external.modalities.{name}.{key}: found a value, expected none: it is fitted on the first cohort"
                )
