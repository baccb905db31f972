"""What a run reads of the config sections `pretrain` and `model`, as its variant changes them."""

import json
from collections.abc import Mapping
from typing import Any

from mgi.core.run import COVARIATES, EXPRESSION, IMAGE, IMAGE_SETTINGS, MULTIMODAL_METHOD, Run, images_of
from mgi.core.variants import section_of

ABOUT_MODALITIES = ("modalities", "missing", "modality_weights", "modality_dropout", "permuted_modality")
"""Keys of the section `pretrain` that say nothing where expression is the only modality."""


def further_modalities(config: Mapping[str, Any], run: Run) -> list[str]:
    """The configured modalities beside expression that a run's network reads, sorted."""
    return [name for name in _read(config, run) if name not in (EXPRESSION, COVARIATES)]


def reads_covariates(config: Mapping[str, Any], run: Run) -> bool:
    """Whether a pre-training reads covariates as a modality."""
    return COVARIATES in _pretrained(config, run)


def _read(config: Mapping[str, Any], run: Run) -> list[str]:
    """All that is named for it; once fine-tuned MGI alone reads any, where it reads genes."""
    if run.is_pretraining:
        return _pretrained(config, run)
    if run.method != MULTIMODAL_METHOD or not run.reads_genes:
        return []
    return sorted(config.get("finetune", {}).get("modalities", [EXPRESSION]))


def _pretrained(config: Mapping[str, Any], run: Run) -> list[str]:
    if not run.is_pretraining:
        return []
    return sorted(section_of(config, "pretrain", run.variant).get("modalities", [EXPRESSION]))


def model_section(config: Mapping[str, Any], run: Run) -> str:
    """The section `model` of the run's variant as JSON with sorted keys, as far as the run's network reads it."""
    model = section_of(config, "model", run.variant)
    given = {key: value for key, value in model.items() if key != "pathways"}
    if "encoders" in given and not further_modalities(config, run):
        del given["encoders"]
    if images_of(config.get("runs", {})) == (IMAGE,):
        given = {key: value for key, value in given.items() if not key.startswith("slide_") and key != "max_tiles"}
    if run.method != MULTIMODAL_METHOD:
        given = {key: given[key] for key in IMAGE_SETTINGS}
    return json.dumps(given, sort_keys=True)


def pretrain_section(config: Mapping[str, Any], run: Run) -> str:
    """The section `pretrain` of the run's variant as JSON with sorted keys.

    Of expression alone nothing is said of modalities, so that checkpoints are those of before there were others.
    """
    section = section_of(config, "pretrain", run.variant)
    alone = section.get("modalities") == [EXPRESSION] and section.get("permuted_modality") is None
    unread = (*(ABOUT_MODALITIES if alone else ()), *(() if section.get("permuted_tiles") else ("permuted_tiles",)))
    return json.dumps({key: value for key, value in section.items() if key not in unread}, sort_keys=True)


def finetune_section(config: Mapping[str, Any], run: Run) -> str:
    """The section `finetune` as JSON with sorted keys; nothing of modalities to a run that reads expression alone."""
    unread = () if further_modalities(config, run) else ("modalities",)
    return json.dumps({key: value for key, value in config["finetune"].items() if key not in unread}, sort_keys=True)
