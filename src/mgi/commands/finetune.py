"""Train one network for a task on a fold's training patients; test patients are never read.

Started by torchrun, each process takes a part of every batch.

INPUTS: image shard and the prepared slices of a scan, expression shard, the fold's genes, split, pre-trained encoders
for MGI; shards and fits of the further modalities that MGI reads (finetune.modalities).
OUTPUTS: weights of the best validation score, curve, record of the run.
BY HAND: mgi finetune --results results/X --run mgi-fold0-seed0
"""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from mgi.cohort.labels.file import read_labels
from mgi.cohort.split import TRAIN, VALIDATION
from mgi.commands._device import device, wants_gpu
from mgi.commands._further_fold import (
    EXPRESSION_ALONE,
    FurtherFold,
    fold_reading,
    further_of,
    reads_expression,
    require_pretrained_on,
)
from mgi.commands._learning import Fold, context_of, finish
from mgi.commands._run_options import add_labels, add_modalities, add_run, add_training, complete
from mgi.commands._slide_fold import require_same_tiles, require_same_tiles_beside, standardise_by, with_slides
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import sha256_of
from mgi.core.run import EXPRESSION, MULTIMODAL_METHOD, SLIDES
from mgi.core.run_files import RECORD, require_recorded
from mgi.models.settings import ModelSettings
from mgi.shards.channels import require_channels
from mgi.tasks.learning import LABELLED, Learning, learning_of, require_shared
from mgi.tasks.patient_labels import LabelledPatients
from mgi.tasks.patient_learning import PatientLearning
from mgi.tasks.registry import reads_labels
from mgi.training.distributed import Group, processes, require_processes
from mgi.training.finetune import finetune
from mgi.training.loop import Randomness
from mgi.training.preemption import StopRequest, stop_on_signals
from mgi.training.settings import FinetuneSettings
from mgi.training.weights import load_weights, require_same_sets, start_from_pretrained


def add_options(options: argparse.ArgumentParser) -> None:
    add_run(options)
    add_training(options)
    add_labels(options)
    add_modalities(options, covariates=False)
    options.add_argument(
        "--pretrained", type=Path, nargs="+", help="weights of the pre-training run, or of that of each image"
    )


def run(args: argparse.Namespace) -> None:
    with processes(on_gpu=wants_gpu(args)) as group, stop_on_signals() as stop:
        _run(args, group, stop)


def _run(args: argparse.Namespace, group: Group, stop: StopRequest) -> None:
    run = complete(args, "finetune")
    settings = FinetuneSettings.read(args.settings, where="finetune")
    require_processes(settings.processes, group, "finetune")
    place = device(args)
    reads_any = run.method == MULTIMODAL_METHOD and run.reads_genes
    fold = fold_reading(args, run, args.weights.parent, settings.modalities if reads_any else EXPRESSION_ALONE)
    task = _task(args, fold)
    require_shared(task, group, run.task)
    model_settings = ModelSettings.read(args.model, where="model").reading(
        fold.channels,
        further_of(fold),
        None if fold.bags is None else fold.bags.width,
        None if fold.beside is None else fold.beside.width,
        expression=reads_expression(fold),
    )
    randomness = Randomness.seeded(run.seed)
    model = task.build(run.method, model_settings, len(fold.gene_ids), fold.gene_sets)
    if isinstance(fold, FurtherFold) and getattr(model, "further", None) is None:
        found = ", ".join(settings.modalities)
        raise ConfigError(
            f"finetune.modalities: found {found}, expected {EXPRESSION}: task '{run.task}' reads no other"
        )
    starts = _started(args.pretrained or [], model, fold)
    training = with_slides(fold, fold.training_pairs(model_settings, settings.augment), model_settings, TRAIN)
    validation = with_slides(fold, fold.learning_pairs(VALIDATION, model_settings), model_settings, VALIDATION)
    standardise_by(model, training, all_of_them=not starts)
    of_labels, beside = task if isinstance(task, PatientLearning) else None, training.beside
    if of_labels is not None:
        training, validation = of_labels.learned_from(training), of_labels.learned_from(validation)
    start = "+".join(starts) or None
    learned: list[Any] = [start, fold.identity(), training.digest(), validation.digest()]
    learned += [] if of_labels is None else [of_labels.settings.plain(), of_labels.head.plain()]
    context = replace(context_of(fold, randomness, *learned), group=group, stop=stop)
    model = model.to(place)
    curve = finetune(model, task, training, validation, settings, use_genes=run.reads_genes, context=context)
    if not group.leads:
        return
    more: dict[str, Any] = {"processes": group.size}
    if isinstance(fold, FurtherFold):
        more["modalities"] = fold.features
    if of_labels is not None:
        # Without the copies without scalp, which slides do not have.
        whole = None if fold.bags is not None else fold.learning_pairs(TRAIN, model_settings)
        seen = training if whole is None else of_labels.learned_from(replace(whole, beside=beside))
        more["head"] = of_labels.fitted(model, seen, validation).plain()
    finish(fold, model, curve, context, model_settings=model_settings, settings=settings, **more)


def _started(paths: Sequence[Path], model: nn.Module, fold: Fold) -> list[str]:
    """Copy the pre-trained encoders into the network; the digests of their files. The first one has the genes' encoder.

    Raises BadInputError where the files are not those that the run starts from, or were trained on other data.
    """
    keys = fold.run.starts
    if keys and len(paths) not in (0, len(keys)):
        raise BadInputError(f"--pretrained: found {len(paths)} files, expected those of {', '.join(keys)}")
    for number, path in enumerate(paths):
        if path.with_name(RECORD).is_file():
            require_recorded(path)
        weights = load_weights(path, genes=fold.gene_ids)
        if keys and weights.run.key != keys[number]:
            found = f"the weights of {weights.run.key}"
            raise BadInputError(f"{path}: {found}, expected those of {keys[number]}; pre-train it again")
        if is_beside := fold.beside is not None and weights.run.of_image == SLIDES:
            require_same_tiles_beside(fold, weights.model, path)
        else:
            require_channels(fold.channels, weights.model.channels, str(path))
            require_same_tiles(fold, weights.model, path, beside=False)
        require_pretrained_on(fold, weights, path)
        require_same_sets(weights.gene_sets, fold.gene_sets, where=str(path))
        image = "slide_encoder" if is_beside else "image_encoder"
        start_from_pretrained(model, weights, image=image, genes=number == 0)
    return [sha256_of(path) for path in paths]


def _task(args: argparse.Namespace, fold: Fold) -> Learning:
    """The run's task; one of labels knows those of the fold's training and validation patients, and no others."""
    run = fold.run
    if not reads_labels(run.task):
        return learning_of(run.task)
    for name in ("labels", "task_settings"):
        if vars(args)[name] is None:
            raise ConfigError(f"--{name.replace('_', '-')}: missing, expected it for the task {run.task}")
    patients = LabelledPatients(
        labels=read_labels(args.labels),
        where=str(args.labels),
        fold=run.fold,
        training=fold.patients(TRAIN),
        validation=fold.patients(VALIDATION),
        told_by=tuple(fold.features) if isinstance(fold, FurtherFold) else (),
    )
    fold.sources.append(args.labels)
    return LABELLED[run.task].from_labels(run, args.task_settings, patients)
