"""Which runs of a config are explained; free of heavy imports, for the workflow."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mgi.core.errors import ConfigError
from mgi.core.run import DEFAULT_TASK, MULTIMODAL_METHOD, PERMUTED_PAIRS, Run, run_table
from mgi.explain.settings import HEAD, MASK, OF_PRETRAINING, VALUES

ATTRIBUTIONS_FILE, DELETION_FILE, ATTENTION_FILE = "attributions.parquet", "deletion.parquet", "attention.parquet"
"""Files of a run that is explained."""
_TASKS: Mapping[str, tuple[str, ...]] = {MASK: (DEFAULT_TASK,), HEAD: ("classification", "survival")}


def explained_runs(config: Mapping[str, Any]) -> dict[str, Run]:
    """Pre-trainings and trainings of MGI itself, as the values in section `explain` ask for; none where it is null.

    Where permuted pairs are asked for, the pre-trainings on them are the last.
    """
    if config.get("explain") is None:
        return {}
    asked = run_table(config["runs"])
    found = {key: run for key, run in asked.items() if any(value_belongs(value, run) for value in asked_values(config))}
    return found | permuted_runs(config)


def permuted_runs(config: Mapping[str, Any]) -> dict[str, Run]:
    """The pre-trainings on permuted pairs, where they are asked for and explain anything.

    They are of the first fold. Their seeds, which deal the pairs too, count up from the first one.
    """
    if config.get("explain") is None:
        return {}
    starts = [run for run in run_table(config["runs"]).values() if _is_plain(run) and run.is_pretraining]
    if not starts or not set(OF_PRETRAINING) & set(asked_values(config)):
        return {}
    first = starts[0]
    asked = range(first.seed, first.seed + config["explain"]["permuted_pairs"])
    runs = [replace(first, control=PERMUTED_PAIRS, seed=seed) for seed in asked]
    return {run.key: run for run in runs}


def asked_values(config: Mapping[str, Any]) -> list[str]:
    """The values to explain: those that are named, or all that the runs have."""
    return config["explain"]["values"] or _had(config)


def check_values(config: Mapping[str, Any]) -> None:
    """Raise ConfigError where no run has one of the values that are to be explained."""
    had = _had(config)
    if not had:
        raise ConfigError("explain: found a section, expected null where no run of mgi is asked for")
    if without := [value for value in asked_values(config) if value not in had]:
        raise ConfigError(f"explain.values: found {without[0]}, expected of {', '.join(had)}, which the runs have")


def value_belongs(value: str, run: Run) -> bool:
    """Whether a run has this value, and is no control, no variant, no ensemble, and does not leak."""
    if not _is_plain(run):
        return False
    if value in OF_PRETRAINING or run.is_pretraining:
        return value in OF_PRETRAINING and run.is_pretraining
    return run.method == MULTIMODAL_METHOD and run.task in _TASKS[value]


def _had(config: Mapping[str, Any]) -> list[str]:
    runs = run_table(config["runs"]).values()
    return [value for value in VALUES if any(value_belongs(value, run) for run in runs)]


def _is_plain(run: Run) -> bool:
    return run.reads_genes and run.reads_image and not (run.control or run.variant or run.members or run.leaks)
