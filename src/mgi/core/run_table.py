"""Every run that a config asks for, by key, and what each of them reads of the config and of the results folder.

The workflow makes its jobs of it, and commands find a run in it that is named by hand.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from itertools import product
from typing import Any

from mgi.core.run import DEFAULT_TASK, NO_GENES, NO_PRETRAINING, PATIENT, PRETRAINING, RANDOM_ID, SLICE, Run, SplitUnit

MULTIMODAL_METHOD = "mgi"
IMAGE, EXPRESSION = "flair", "rna"
IMAGE_SETTINGS = ("baseline_width", "context_slices", "convolution_norm", "image_crop", "image_size")
"""What networks of images alone read of the section `model`: another encoder of MGI does not train them again."""


def run_table(runs: Mapping[str, Any]) -> dict[str, Run]:
    """Every run of the config section `runs` by key: pre-training first, then methods x folds x seeds of the task."""
    leaky = runs.get("leaky_slice_split")
    trained = [*_runs(runs, PATIENT), *(_runs({"task": _task(runs), **leaky}, SLICE) if leaky else [])]
    starts = [_pretraining(run) for run in trained if run.pretrained]
    return {run.key: run for run in [*starts, *trained]}


def full_cohort_runs(config: Mapping[str, Any]) -> dict[str, Run]:
    """The runs that train on all patients, to be tested on another archive; none where the config names no other."""
    return {} if config["external"] is None else run_table(full_cohort_section(config))


def full_cohort_section(config: Mapping[str, Any]) -> dict[str, Any]:
    """The section `runs` for an extra fold that trains on all patients and has no test set."""
    return {**config["runs"], "folds": [config["split"]["folds"]], "leaky_slice_split": None}


def model_section(config: Mapping[str, Any], run: Run) -> str:
    """The section `model` as JSON with sorted keys, as far as the run's network reads it."""
    given = {key: value for key, value in config["model"].items() if key != "pathways"}
    if run.method != MULTIMODAL_METHOD:
        given = {key: given[key] for key in IMAGE_SETTINGS}
    return json.dumps(given, sort_keys=True)


def split_file(config: Mapping[str, Any], fold: int) -> str:
    """The table that holds a fold, below the results folder."""
    return f"tables/{'split' if fold < config['split']['folds'] else 'whole'}.parquet"


def _runs(runs: Mapping[str, Any], split_unit: SplitUnit) -> Iterator[Run]:
    for method in runs["methods"]:
        multimodal = method == MULTIMODAL_METHOD
        controls = [None, *runs["controls"]] if multimodal else [None]
        for control, fold, seed in product(controls, runs["folds"], runs["seeds"]):
            run = Run(
                task=_task(runs),
                method=method,
                inputs=(IMAGE, EXPRESSION) if multimodal and control != NO_GENES else (IMAGE,),
                control=control,
                split_unit=split_unit,
                fold=fold,
                seed=seed,
            )
            starts = multimodal and control != NO_PRETRAINING
            yield replace(run, pretrained=_pretraining(run).key) if starts else run


def _pretraining(run: Run) -> Run:
    """What a run's encoders start from; a control with random vectors is pre-trained on them too."""
    control = RANDOM_ID if run.control == RANDOM_ID else None
    return replace(run, task=PRETRAINING, inputs=(IMAGE, EXPRESSION), control=control, pretrained=None)


def _task(runs: Mapping[str, Any]) -> str:
    return str(runs.get("task", DEFAULT_TASK))
