"""Predict for a fold's test patients, with each expression input that the audit asks for.

Patients of the fold without expression are predicted too, without genes or with the null token.

INPUTS: weights, prepared slices of the image shard, expression shard, the fold's genes, split.
OUTPUT: predictions in the task's format.
No mask is read: shuffling the ground truth cannot change a prediction.
BY HAND: mgi predict-fold --results results/X --run mgi-fold0-seed0
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

from mgi.cohort.split import TEST, UNPAIRED_IMAGE
from mgi.commands._learning import Fold, device
from mgi.commands._run_options import add_run, complete
from mgi.core.errors import BadInputError
from mgi.core.run import Run
from mgi.core.run_files import RECORD, require_recorded
from mgi.evaluation.expression_inputs import NOT_USED, NULL_TOKEN
from mgi.models.settings import ModelSettings
from mgi.tasks.expression_inputs import ExpressionInput, audit_inputs, without_genes
from mgi.tasks.learning import learning_of
from mgi.training.finetune import cache_for
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings
from mgi.training.weights import load_weights


def add_options(options: argparse.ArgumentParser) -> None:
    add_run(options)
    options.add_argument("--output", type=Path, help="predictions of the run")


def run(args: argparse.Namespace) -> None:
    run = complete(args, "predict")
    task, settings = learning_of(run.task), PredictSettings.read(args.settings, where="predict")
    fold = Fold(args, run, args.output.parent)
    if args.weights.with_name(RECORD).is_file():
        require_recorded(args.weights)
    weights = load_weights(args.weights, genes=fold.gene_ids)
    if weights.run != run:
        found = f"the weights of {weights.run.key}"
        raise BadInputError(f"{args.weights}: {found}, expected those of {run.key}; delete them and train it again")
    model = task.build(run.method, weights.model, len(weights.genes), weights.gene_sets)
    model.load_state_dict(weights.tensors)
    model, cache = model.to(device()), cache_for(model)
    with task.prediction_writer(args.output, run) as writer:
        for pairs, given in _inputs(fold, weights.model, run, settings):
            donors = dict(zip(pairs.slices.patient_ids, given.donors, strict=True))
            for patient, prediction in task.predict(model, pairs, given, settings, cache):
                writer.add(patient, given.name, donors[patient], prediction)


def _inputs(
    fold: Fold, sizes: ModelSettings, run: Run, settings: PredictSettings
) -> Iterator[tuple[Pairs, ExpressionInput]]:
    """The test patients with every expression input, then those without expression."""
    pairs = fold.pairs(fold.with_slices(TEST), sizes)
    patients, average = pairs.slices.patient_ids, fold.average_genes()
    for given in audit_inputs(pairs.genes, average, patients, settings, reads_genes=run.is_multimodal):
        yield pairs, given
    if run.leaks or not (apart := fold.patients(UNPAIRED_IMAGE)):
        return
    name = NULL_TOKEN if run.is_multimodal else NOT_USED
    yield fold.pairs_without_genes(apart, sizes), without_genes(len(apart), len(fold.gene_ids), name)
