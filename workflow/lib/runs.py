"""What the rules look up of a run, whose key is the only wildcard of training and evaluation."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mgi.core.errors import ConfigError
from mgi.core.run import (
    DEFAULT_TASK,
    IMAGE,
    LABELS_FILE,
    PATIENT,
    SLICE,
    Run,
    gene_sets_file,
    images_of,
    leaks_file,
)
from mgi.core.run_choice import evaluated
from mgi.core.run_sections import (
    finetune_section,
    further_modalities,
    model_section,
    pretrain_section,
    reads_covariates,
)
from mgi.models.encoder_names import encoder_plugins

from .modalities import Configured, described
from .prepared import stripped_slices
from .supplied import own


def run_json(table: Mapping[str, Run], wildcards: Any) -> str:
    """The run that the wildcards name, as it travels to the commands."""
    return table[wildcards.run].as_json()


def model_settings(config: Mapping[str, Any], table: Mapping[str, Run], wildcards: Any) -> str:
    """What the run's network reads of the section `model`, as JSON."""
    return model_section(config, table[wildcards.run])


def label_arguments(config: Mapping[str, Any], path: Iterable[str]) -> list[str]:
    """What a command that learns a task of labels is given; nothing for another task, which has no `path` of them."""
    found = list(path)
    if not found:
        return []
    own_section = json.dumps(config[config["runs"]["task"]], sort_keys=True)
    return ["--labels", str(found[0]), "--task-settings", own_section]


def pretrain_settings(config: Mapping[str, Any], table: Mapping[str, Run], wildcards: Any) -> str:
    """The section `pretrain` as the run's variant changes it, as JSON."""
    return pretrain_section(config, table[wildcards.run])


def finetune_settings(config: Mapping[str, Any], table: Mapping[str, Run], wildcards: Any) -> str:
    """The section `finetune` as far as the run reads it, as JSON."""
    return finetune_section(config, table[wildcards.run])


def pretrain_stripped(config: Mapping[str, Any], table: Mapping[str, Run], wildcards: Any) -> list[Any]:
    """The table of the slices without scalp, where the run's pre-training draws some."""
    return stripped_slices(config, json.loads(pretrain_settings(config, table, wildcards)))


def pathways(config: Mapping[str, Any], table: Mapping[str, Run], wildcards: Any) -> list[Any]:
    """The user's file of gene sets, as a rule's input, where the config makes the run's tokens of them."""
    path = gene_sets_file(config, table[wildcards.run])
    return [] if path is None else own([path])


def pathways_option(wildcards: Any, input: Any) -> list[str]:  # noqa: A002 - Snakemake's name for it
    """What precedes the file of gene sets on a job's command line, where it has one."""
    return ["--pathways"] if input.pathways else []


def modality_shards(
    config: Mapping[str, Any], modalities: Mapping[str, Configured], table: Mapping[str, Run], wildcards: Any
) -> list[str]:
    """The shards of the modalities beside expression that a run reads."""
    return [path for name in further_modalities(config, table[wildcards.run]) for path in modalities[name].shard]


def modality_fits(config: Mapping[str, Any], table: Mapping[str, Run], wildcards: Any) -> list[str]:
    """What the run's fold fitted of them."""
    run = table[wildcards.run]
    return [f"<results>/folds/{run.fold}/{name}.parquet" for name in further_modalities(config, run)]


def modality_code(
    config: Mapping[str, Any], modalities: Mapping[str, Configured], table: Mapping[str, Run], wildcards: Any
) -> list[str]:
    """The modules that say what their vectors are, and the plugins of the network's encoders, for a fingerprint."""
    run = table[wildcards.run]
    fitting = [module for name in further_modalities(config, run) for module in modalities[name].fitting_code]
    model = json.loads(model_section(config, run))
    return [*fitting, *encoder_plugins([model.get("gene_encoder", ""), *model.get("encoders", {}).values()])]


def covariates(config: Mapping[str, Any], table: Mapping[str, Run], wildcards: Any) -> list[str]:
    """The labels of the cohort, where a pre-training reads age and sex as a modality."""
    return [f"<results>/{LABELS_FILE}"] if reads_covariates(config, table[wildcards.run]) else []


def modality_options(wildcards: Any, input: Any) -> list[str]:  # noqa: A002 - Snakemake's name for it
    """All of these as options of a job's command line; nothing where there is none."""
    known = [part for path in getattr(input, "covariates", ()) for part in ("--covariates", str(path))]
    fits = [f"{Path(path).stem}={path}" for path in input.modality_fits]
    shards = [f"{Path(path).parent.name}={path}" for path in described(input.modality_shards)]
    return [*known, *(["--modality-shard", *shards, "--modality-fit", *fits] if fits else [])]


def for_each(keys: Sequence[str], paths: Iterable[Any]) -> str:
    """The paths of files of many runs as one, with `{run}` in place of the first one's key.

    A command line that named all of them would grow with the runs, and what a shell takes ends at 128 KiB.
    """
    first = str(next(iter(paths)))
    before, key, after = first.rpartition(keys[0])
    assert key, f"{first} is no file of {keys[0]}"
    return f"{before}{{run}}{after}"


def fold_genes(table: Mapping[str, Run], wildcards: Any) -> str:
    """The gene list and scaler of the run's fold."""
    return f"<results>/folds/{table[wildcards.run].fold}/genes.parquet"


@dataclass(frozen=True, kw_only=True)
class LeakCheck:
    """A table of folds, and the unit of the split by which its roles must not meet."""

    split: str = "<results>/tables/split.parquet"
    split_unit: str = PATIENT


LEAK_CHECKS = {
    "": LeakCheck(),
    "-slice": LeakCheck(split_unit=SLICE),
    "-whole": LeakCheck(split="<results>/tables/whole.parquet"),
}
"""By the ending of their report's name."""


def leak_report(table: Mapping[str, Run], folds: int, wildcards: Any) -> str:
    """The report of the check that a run waits for; the fold after the last of `folds` has the whole cohort's."""
    return f"<results>/{leaks_file({'split': {'folds': folds}}, table[wildcards.run])}"


def predicting_weights(table: Mapping[str, Run], results: str, wildcards: Any) -> list[str]:
    """The weights that a run predicts with, below a results folder: one file, or one for each of an ensemble."""
    return [f"{results}/runs/{key}/weights.safetensors" for key in table[wildcards.run].trained]


def predicting_records(table: Mapping[str, Run], results: str, wildcards: Any) -> list[str]:
    """The record beside each of these weights."""
    return [f"{results}/runs/{key}/run.json" for key in table[wildcards.run].trained]


def pretrained_weights(table: Mapping[str, Run], wildcards: Any) -> list[str]:
    """The weights that the run starts from, if any: of each image that it reads."""
    return [f"<results>/runs/{start}/weights.safetensors" for start in table[wildcards.run].starts]


def beside_shard(wildcards: Any, input: Any) -> list[str]:  # noqa: A002 - Snakemake's name for it
    """What describes the slides that are read beside a scan, as an option of a job's command line; nothing without."""
    found = described(input.beside)
    return ["--slide-shard", *found] if found else []


def image_shard(
    config: Mapping[str, Any], modalities: Mapping[str, Configured], table: Mapping[str, Run], wildcards: Any
) -> list[str]:
    """The shard of the image that a pre-training is of, or of the first one that runs read; its description is last."""
    return modalities[table[wildcards.run].of_image or images_of(config["runs"])[0]].shard


def image_description(
    config: Mapping[str, Any], modalities: Mapping[str, Configured], table: Mapping[str, Run], wildcards: Any
) -> str:
    """What describes that shard."""
    return image_shard(config, modalities, table, wildcards)[-1]


def beside(paths: Iterable[str], name: str) -> list[str]:
    """The files of that name in the folders of the paths."""
    return [f"{path.rpartition('/')[0]}/{name}" for path in paths]


TABLES_OF_SCORES = [
    f"<results>/evaluation/{name}.csv" for name in ("results", "results_no_genes", "tests", "audit", "patients")
]


def sidecars(*tables: Iterable[str]) -> list[str]:
    """The files beside text tables that hold their digests."""
    return [f"{table}.sha256" for several in tables for table in several]


def masks_of(table: Mapping[str, Run], results: str) -> list[str]:
    """Predictions of the first run that makes masks, and of the same method and seed in the other folds.

    Raises ConfigError where no run makes masks.
    """
    runs = [run for run in (table[key] for key in evaluated(table)) if run.task == DEFAULT_TASK]
    if not runs:
        raise ConfigError(f"runs: found no method that predicts masks, expected one of task {DEFAULT_TASK}")
    own = [run.key for run in runs if (run.label, run.seed) == (runs[0].label, runs[0].seed)]
    return [f"{results}/predictions/{key}.parquet" for key in own]


def reference_lesions(modalities: Mapping[str, Configured]) -> list[str]:
    """Features of tumours by the reference masks, where there are scans that these are drawn on."""
    return ["<results>/tables/lesion_features.parquet"] if IMAGE in modalities else []


def predicted_lesions(table: Mapping[str, Run]) -> list[str]:
    """Features of tumours by predicted masks, where a run makes masks."""
    segments = any(table[key].task == DEFAULT_TASK for key in evaluated(table))
    return ["<results>/tables/lesion_features_predicted.parquet"] if segments else []
