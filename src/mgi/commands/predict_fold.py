"""Predict for a fold's test patients, with each expression input that the audit asks for.

Patients of the fold without expression are predicted too, without genes or with the null token; and with what they
have of the further modalities that the network reads. An ensemble predicts with the mean of its members' logits.

INPUTS: weights (of each member), image shard and the prepared slices of a scan, expression shard, the fold's genes,
split; shards and fits of the further modalities that the network reads.
OUTPUT: predictions in the task's format.
No mask and no label is read: shuffling the ground truth cannot change a prediction.
BY HAND: mgi predict-fold --results results/X --run mgi-fold0-seed0
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from torch import nn

from mgi.cohort.split import TEST, UNPAIRED_IMAGE
from mgi.commands._device import device
from mgi.commands._further_fold import FurtherFold, fold_reading, modalities_of, require_read
from mgi.commands._learning import Fold, gene_ids_of
from mgi.commands._modalities import read_pairs
from mgi.commands._run_options import add_modalities, add_run, complete
from mgi.commands._slide_fold import require_same_tiles, with_slides
from mgi.core.errors import BadInputError
from mgi.core.run import IMAGE, SLIDES, Run
from mgi.core.run_files import RECORD, require_recorded
from mgi.evaluation.expression_inputs import FURTHER_ALONE, NOT_USED, NULL_TOKEN
from mgi.models.settings import ModelSettings
from mgi.shards.channels import require_channels
from mgi.tasks.expression_inputs import (
    ExpressionInput,
    audit_inputs,
    of_several_images,
    with_other_images,
    without_genes,
)
from mgi.tasks.learning import Learning, predicting
from mgi.tasks.registry import reads_labels
from mgi.training.ensemble import Ensemble
from mgi.training.finetune import frozen_cache_for
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings
from mgi.training.weights import Weights, load_weights


def add_options(options: argparse.ArgumentParser) -> None:
    add_run(options)
    add_modalities(options, covariates=False)
    options.add_argument("--weights", type=Path, nargs="+", help="weights of the run, or of each of an ensemble")
    options.add_argument("--output", type=Path, help="predictions of the run")


def run(args: argparse.Namespace) -> None:
    run = complete(args, "predict")
    settings = PredictSettings.read(args.settings, where="predict")
    place = device(args)
    further = sorted(read_pairs(args.modality_shard or [], "--modality-shard"))
    members = _members(args.weights, run, gene_ids_of(args))
    fold = fold_reading(args, run, args.output.parent, modalities_of(members[0].model, further))
    for weights, path in zip(members, args.weights, strict=True):
        require_read(fold, weights, path)
    task = predicting(members[0], args.weights[0])
    require_channels(fold.channels, members[0].model.channels, str(args.image_shard))
    require_same_tiles(fold, members[0].model, args.weights[0])
    networks = [_network(task, weights).to(place) for weights in members]
    model = networks[0] if len(networks) == 1 else Ensemble(networks)
    sizes, cache = members[0].model, frozen_cache_for(model)
    with task.prediction_writer(args.output, run) as writer:
        for pairs, inputs in _inputs(fold, sizes, run, settings):
            # Patient by patient, not input by input: what the network sees of an image is computed once for all inputs.
            donors = [dict(zip(pairs.slices.patient_ids, given.donors, strict=True)) for given in inputs]
            for answers in zip(*(task.predict(model, pairs, given, settings, cache) for given in inputs), strict=True):
                for given, donor_of, (patient, prediction) in zip(inputs, donors, answers, strict=True):
                    writer.add(patient, given.name, donor_of[patient], prediction)


def _members(paths: Sequence[Path], run: Run, genes: list[str]) -> list[Weights]:
    """The weights that the run predicts with, in the order of its members; all are networks of the same settings."""
    if len(paths) != len(run.trained):
        raise BadInputError(f"--weights: found {len(paths)} files, expected those of {', '.join(run.trained)}")
    members: list[Weights] = []
    for path, key in zip(paths, run.trained, strict=True):
        if path.with_name(RECORD).is_file():
            require_recorded(path)
        members.append(load_weights(path, genes=genes))
        if (found := members[-1].run) != run and (found.key != key or not run.members):
            raise BadInputError(
                f"{path}: the weights of {found.key}, expected those of {key}; delete them and train it again"
            )
        if members[-1].model != members[0].model:
            raise BadInputError(f"{path}: another network than {paths[0]}; delete both and train again")
    return members


def _network(task: Learning, weights: Weights) -> nn.Module:
    network = task.build(weights.run.method, weights.model, len(weights.genes), weights.gene_sets)
    network.load_state_dict(weights.tensors)
    return network


def _inputs(
    fold: Fold, sizes: ModelSettings, run: Run, settings: PredictSettings
) -> Iterator[tuple[Pairs, list[ExpressionInput]]]:
    """The test patients with every expression input, then those without expression: with nothing, and with what they
    have."""
    pairs = with_slides(fold, fold.pairs(fold.with_slices(TEST), sizes), sizes, TEST)
    patients, average = pairs.slices.patient_ids, fold.average_genes()
    reads = {"reads_genes": run.reads_genes, "reads_image": run.reads_image, "images_apart": reads_labels(run.task)}
    inputs = audit_inputs(pairs.genes, average, patients, settings, **reads)
    if pairs.bags is not None and run.reads_image:
        inputs += with_other_images(inputs[0], settings)
    if pairs.beside is not None and run.reads_image:
        known = {IMAGE: pairs.has_scan, SLIDES: pairs.beside.has_slide}
        null = without_genes(len(pairs), inputs[0].genes.shape[1], NULL_TOKEN) if run.reads_genes else None
        inputs += of_several_images(inputs[0], null, {name: known[name] for name in run.images}, settings)
    yield pairs, inputs
    if run.leaks or not run.reads_image or not (apart := fold.patients(UNPAIRED_IMAGE)):
        return
    name = NULL_TOKEN if run.reads_genes else NOT_USED
    pairs = with_slides(fold, fold.pairs_without_genes(apart, sizes), sizes, UNPAIRED_IMAGE)
    yield pairs, [without_genes(len(apart), len(fold.gene_ids), name)]
    if isinstance(fold, FurtherFold) and (some := fold.having_any(apart)):
        pairs = with_slides(fold, fold.pairs(some, sizes), sizes, UNPAIRED_IMAGE)
        yield pairs, [ExpressionInput(name=FURTHER_ALONE, genes=pairs.genes, donors=list(some), use_genes=True)]
