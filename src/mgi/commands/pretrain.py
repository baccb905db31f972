"""Align the gene and image encoders by contrast on a fold's training patients; test patients are never read.

Patients with expression and no image may join, for the gene encoder. Started by torchrun, each process takes a part of
every batch.

INPUTS: prepared slices of the image shard, expression shard, the fold's genes, split.
OUTPUTS: weights, curve, record of the run.
BY HAND: mgi pretrain --results results/X --run pretrain-fold0-seed0
"""

import argparse
from dataclasses import replace

from mgi.cohort.split import VALIDATION
from mgi.commands._device import device, wants_gpu
from mgi.commands._learning import Fold, context_of, finish
from mgi.commands._run_options import add_run, add_training, complete
from mgi.core.errors import ConfigError
from mgi.core.run import PERMUTED_PAIRS
from mgi.models.mgi import build_dual_encoder
from mgi.models.settings import ModelSettings
from mgi.training.distributed import Group, processes, require_processes
from mgi.training.loop import Randomness
from mgi.training.preemption import StopRequest, stop_on_signals
from mgi.training.pretrain import pretrain
from mgi.training.pretrain_batches import digest_of_genes, with_permuted_genes
from mgi.training.settings import PretrainSettings


def add_options(options: argparse.ArgumentParser) -> None:
    add_run(options)
    add_training(options)


def run(args: argparse.Namespace) -> None:
    with processes(on_gpu=wants_gpu(args)) as group, stop_on_signals() as stop:
        _run(args, group, stop)


def _run(args: argparse.Namespace, group: Group, stop: StopRequest) -> None:
    run = complete(args, "pretrain")
    settings = PretrainSettings.read(args.settings, where="pretrain")
    require_processes(settings.processes, group, "pretrain")
    place = device(args)
    fold = Fold(args, run, args.weights.parent)
    model_settings = ModelSettings.read(args.model, where="model").reading(fold.channels)
    randomness = Randomness.seeded(run.seed)
    encoders = build_dual_encoder(model_settings, len(fold.gene_ids), fold.gene_sets).to(place)
    training = fold.training_pairs(model_settings, settings.augment)
    validation = fold.learning_pairs(VALIDATION, model_settings)
    if run.control == PERMUTED_PAIRS:
        training = with_permuted_genes(training, run.seed)
        if len(validation) > 1:  # one alone has nobody to be paired with
            validation = with_permuted_genes(validation, run.seed)
    if (a_step := min(len(training), settings.schedule.batch)) < group.size:
        found = f"{a_step} patients a step for {group.size} processes"
        raise ConfigError(f"pretrain.schedule.batch: {found}, expected one each at least")
    unpaired = fold.genes(fold.unpaired_expression() if settings.unpaired_batch and settings.reconstructs_genes else [])
    learned = (training.digest(), validation.digest(), digest_of_genes(unpaired))
    context = replace(context_of(fold, randomness, fold.identity(), *learned), group=group, stop=stop)
    curve = pretrain(encoders, training, validation, settings, context=context, unpaired=unpaired)
    if group.leads:
        more = {"unpaired_expression_patients": len(unpaired), "processes": group.size}
        finish(fold, encoders, curve, context, model_settings=model_settings, settings=settings, **more)
