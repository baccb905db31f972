"""Align the gene and image encoders by contrast on a fold's training patients; test patients are never read.

Patients with expression and no image may join, for the gene encoder. Started by torchrun, each process takes a part of
every batch. Further modalities (pretrain.modalities) have an encoder each, and a patient may lack some. The image is a
scan, or a slide where the image shard has bags of tiles.

INPUTS: image shard and the prepared slices of a scan, expression shard, the fold's genes, split; shards and fits of
modalities.
OUTPUTS: weights, curve, record of the run.
BY HAND: mgi pretrain --results results/X --run pretrain-fold0-seed0
"""

import argparse
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from mgi.cohort.split import TRAIN, VALIDATION
from mgi.commands._device import device, wants_gpu
from mgi.commands._learning import Fold, context_of, finish
from mgi.commands._modality_tables import FoldModalities
from mgi.commands._run_options import add_modalities, add_run, add_training, complete
from mgi.commands._slide_fold import require_for_slides, slide_pairs
from mgi.core.errors import ConfigError
from mgi.core.run import PERMUTED_PAIRS
from mgi.datasets.modality_tables import ModalityTables
from mgi.datasets.settings import AugmentSettings
from mgi.models.mgi import build_dual_encoder
from mgi.models.multimodal import build_multimodal_encoder
from mgi.models.settings import ModelSettings, NetworkSettings
from mgi.training.distributed import Group, processes, require_processes
from mgi.training.loop import Curve, Randomness
from mgi.training.multimodal import pretrain_multimodal
from mgi.training.preemption import StopRequest, stop_on_signals
from mgi.training.pretrain import pretrain
from mgi.training.pretrain_batches import digest_of_genes, with_permuted_genes
from mgi.training.run_context import RunContext
from mgi.training.settings import PretrainSettings
from mgi.training.slide_pretrain import pretrain_slides


def add_options(options: argparse.ArgumentParser) -> None:
    add_run(options)
    add_training(options)
    add_modalities(options)


def run(args: argparse.Namespace) -> None:
    with processes(on_gpu=wants_gpu(args)) as group, stop_on_signals() as stop:
        _run(args, group, stop)


def _run(args: argparse.Namespace, group: Group, stop: StopRequest) -> None:
    run = complete(args, "pretrain")
    settings = PretrainSettings.read(args.settings, where="pretrain")
    require_processes(settings.processes, group, "pretrain")
    place = device(args)
    fold = Fold(args, run, args.weights.parent)
    tile_width = None if fold.bags is None else fold.bags.width
    model_settings = ModelSettings.read(args.model, where="model").reading(fold.channels, tile_width=tile_width)
    job = _Job(fold, settings, model_settings, Randomness.seeded(run.seed), place, group, stop)
    if fold.bags is not None:
        _slides(job)
    else:
        (_several if settings.is_multimodal else _with_expression)(job)


@dataclass(frozen=True)
class _Job:
    """What both ways of pre-training are given; generators are seeded, so that the next weights are the first ones."""

    fold: Fold
    settings: PretrainSettings
    model: NetworkSettings
    randomness: Randomness
    place: torch.device
    group: Group
    stop: StopRequest

    def context(self, *learned: Any) -> RunContext:
        """Where checkpoints lie, and what the run is by what it has `learned` from."""
        context = context_of(self.fold, self.randomness, self.fold.identity(), *learned)
        return replace(context, group=self.group, stop=self.stop)

    def finish(self, encoders: nn.Module, curve: Curve, context: RunContext, **more: Any) -> None:
        """Write curve, weights and record."""
        finish(self.fold, encoders, curve, context, model_settings=self.model, settings=self.settings, **more)


def _with_expression(job: _Job) -> None:
    """Align the image with expression."""
    fold, settings, run, group = job.fold, job.settings, job.fold.run, job.group
    encoders = build_dual_encoder(job.model, len(fold.gene_ids), fold.gene_sets).to(job.place)
    training = fold.training_pairs(job.model, settings.augment)
    validation = fold.learning_pairs(VALIDATION, job.model)
    if run.control == PERMUTED_PAIRS:
        training = with_permuted_genes(training, run.seed)
        if len(validation) > 1:  # one alone has nobody to be paired with
            validation = with_permuted_genes(validation, run.seed)
    _require_one_each(job, len(training))
    unpaired = fold.genes(fold.unpaired_expression() if settings.unpaired_batch and settings.reconstructs_genes else [])
    context = job.context(training.digest(), validation.digest(), digest_of_genes(unpaired))
    curve = pretrain(encoders, training, validation, settings, context=context, unpaired=unpaired)
    if group.leads:
        job.finish(encoders, curve, context, unpaired_expression_patients=len(unpaired), processes=group.size)


def _several(job: _Job) -> None:
    """Align the image with several modalities, or with another one than expression."""
    settings, known = job.settings, FoldModalities.of(job.fold, job.settings.modalities)
    encoders = build_multimodal_encoder(job.model, known.sizes, job.fold.gene_sets).to(job.place)
    training = known.pairs(TRAIN, settings, job.model, settings.augment)
    validation = known.pairs(VALIDATION, settings, job.model, AugmentSettings(skull_strip=0.0))
    _require_one_each(job, len(training))
    unpaired = known.unpaired(settings)
    context = job.context(known.identity(), training.digest(), validation.digest(), unpaired.digest())
    curve = pretrain_multimodal(encoders, training, validation, settings, context=context, unpaired=unpaired)
    if not job.group.leads:
        return
    more = _of_modalities(job, known, training.tables, validation.tables, unpaired)
    job.finish(encoders, curve, context, modalities=known.features, **more)


def _require_one_each(job: _Job, patients: int) -> None:
    """Raise ConfigError where a step has fewer patients than there are processes."""
    size = job.group.size
    if (a_step := min(patients, job.settings.schedule.batch)) < size:
        found = f"{a_step} patients a step for {size} processes"
        raise ConfigError(f"pretrain.schedule.batch: {found}, expected one each at least")


def _slides(job: _Job) -> None:
    """Align slides with expression or other modalities."""
    settings, known = job.settings, FoldModalities.of(job.fold, job.settings.modalities)
    require_for_slides(settings)
    encoders = build_multimodal_encoder(job.model, known.sizes, job.fold.gene_sets).to(job.place)
    training, validation = (slide_pairs(known, role, settings) for role in (TRAIN, VALIDATION))
    unpaired = known.unpaired(settings)
    context = job.context(known.identity(), training.digest(), validation.digest(), unpaired.digest())
    tiles = job.model.max_tiles
    curve = pretrain_slides(
        encoders, training, validation, settings, max_tiles=tiles, context=context, unpaired=unpaired
    )
    more = _of_modalities(job, known, training.tables, validation.tables, unpaired)
    more["tiles"] = {TRAIN: int(training.bags.counts.sum()), VALIDATION: int(validation.bags.counts.sum())}
    job.finish(encoders, curve, context, modalities=known.features, **more)


def _of_modalities(
    job: _Job, known: FoldModalities, training: ModalityTables, validation: ModalityTables, unpaired: ModalityTables
) -> dict[str, Any]:
    """What the record of a run says of those who took part."""
    everyone = {role: len(job.fold.with_slices(role)) for role in (TRAIN, VALIDATION)}
    taking = {TRAIN: len(training), VALIDATION: len(validation)}
    return {
        "modality_patients": known.record(training, validation),
        "patients_left_out": {role: count - taking[role] for role, count in everyone.items()},
        "unpaired_expression_patients": len(unpaired),
        "processes": job.group.size,
    }
