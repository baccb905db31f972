"""What the sections that name modalities must agree on: pre-training, its encoders, and what is configured."""

from collections.abc import Mapping
from typing import Any

from mgi.config.image_checks import check_pretraining_on_bags, reads_bags
from mgi.core.errors import ConfigError
from mgi.core.run import COVARIATES, EXPRESSION, IMAGE, images_of
from mgi.core.section_errors import shown
from mgi.modalities import registry


def check_pretrained_modalities(config: Mapping[str, Any], pretrain: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError where a pre-training reads a modality that is not configured, or of which nothing is fitted."""
    can = [name for name, section in config["modalities"].items() if section is not None and _is_vectors(name)]
    if COVARIATES in pretrain["modalities"] and config["labels"]["source"] in (None, "oracles"):
        raise ConfigError(f"{where}.modalities: found {COVARIATES}, expected a labels.source, which has age and sex")
    needed = config["cohort"]["require"]
    others = [one for one in pretrain["modalities"] if one not in (EXPRESSION, COVARIATES)]
    if pretrain["missing"] != "inner" and others and needed is None:
        found = f"found {pretrain['missing']}, expected inner, or cohort.require without {others[0]}"
        raise ConfigError(f"{where}.missing: {found}: by default the cohort drops whoever lacks any modality")
    if reads_bags(config):
        check_pretraining_on_bags(where, pretrain, " and ".join(images_of(config["runs"])))
    if IMAGE in images_of(config["runs"]):
        _check_slices_with_several(config, pretrain, where)
    for name in pretrain["modalities"]:
        if name not in (*can, COVARIATES):
            expected = f"of {', '.join(can)}, which are configured and have vectors, or {COVARIATES}"
            raise ConfigError(f"{where}.modalities: found {shown(name)}, expected {expected}")


def _check_slices_with_several(config: Mapping[str, Any], pretrain: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError for what slices cannot have, or with expression alone."""
    if pretrain["permuted_tiles"]:
        why = "runs read scans too" if reads_bags(config) else "no run reads slides"
        raise ConfigError(f"{where}.permuted_tiles: found true, expected false, since {why}")
    if pretrain["modalities"] == [EXPRESSION] and pretrain["permuted_modality"] is None:
        return
    for key in ("masked_patch_weight", "triplet_weight"):
        if (weight := pretrain[key]) > 0:
            expected = f"0 with modalities {', '.join(pretrain['modalities'])}"
            raise ConfigError(f"{where}.{key}: found {weight}, expected {expected}")


def check_finetuned_modalities(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where MGI is to read a modality that is not configured, or that another section cannot give."""
    asked = [name for name in config["finetune"]["modalities"] if name != EXPRESSION]
    can = [name for name, section in config["modalities"].items() if section is not None and _is_vectors(name)]
    for name in asked:
        if name not in can:
            expected = f"of {', '.join(can)}, which are configured and have vectors"
            raise ConfigError(f"finetune.modalities: found {shown(name)}, expected {expected}")
    if asked and config["external"] is not None:
        found = ", ".join(config["finetune"]["modalities"])
        raise ConfigError(f"finetune.modalities: found {found}, expected {EXPRESSION} alone with a section external")


def check_scanned_modalities(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where a scan is to test a modality that is not configured, or of which nothing is fitted."""
    can = [name for name, section in config["modalities"].items() if section is not None and _is_vectors(name)]
    for name in (config["associate"] or {"modalities": []})["modalities"]:
        if name not in can:
            expected = f"of {', '.join(can)}, which are configured and have vectors"
            raise ConfigError(f"associate.modalities: found {shown(name)}, expected {expected}")


def check_encoders(config: Mapping[str, Any], model: Mapping[str, Any], where: str) -> None:
    """Raise ConfigError for an encoder of something that can have none of its own."""
    for name in model.get("encoders", {}):
        if name == EXPRESSION:
            raise ConfigError(f"{where}.encoders: found {EXPRESSION}, expected it as {where}.gene_encoder")
        if config["modalities"].get(name) is None or not _is_vectors(name):
            can = [one for one, section in config["modalities"].items() if section is not None and _is_vectors(one)]
            others = (
                ", ".join(one for one in can if one != EXPRESSION)
                or f"no modality: none but {EXPRESSION} is configured"
            )
            raise ConfigError(f"{where}.encoders: found {shown(name)}, expected {others}")


def _is_vectors(name: str) -> bool:
    """Whether patients have vectors of a modality: expression, and what a room fits."""
    return name == EXPRESSION or registry.modality(name).fitting is not None
