"""Train one network for a task on a fold's training patients; test patients are never read.

INPUTS: prepared slices of the image shard, expression shard, the fold's genes, split, pre-trained encoders for MGI.
OUTPUTS: weights of the best validation score, curve, record of the run.
BY HAND: mgi finetune --results results/X --run mgi-fold0-seed0
"""

import argparse
from pathlib import Path

from mgi.cohort.split import VALIDATION
from mgi.commands._learning import Fold, context_of, device, finish
from mgi.commands._run_options import add_run, add_training, complete
from mgi.core.errors import BadInputError
from mgi.core.files import sha256_of
from mgi.core.run_files import RECORD, require_recorded
from mgi.models.settings import ModelSettings
from mgi.tasks.learning import learning_of
from mgi.training.finetune import finetune
from mgi.training.loop import Randomness
from mgi.training.settings import FinetuneSettings
from mgi.training.weights import load_weights, require_same_sets, start_from_pretrained


def add_options(options: argparse.ArgumentParser) -> None:
    add_run(options)
    add_training(options)
    options.add_argument("--pretrained", type=Path, help="weights of the pre-training run")


def run(args: argparse.Namespace) -> None:
    run = complete(args, "finetune")
    task, model_settings = learning_of(run.task), ModelSettings.read(args.model, where="model")
    settings = FinetuneSettings.read(args.settings, where="finetune")
    fold = Fold(args, run, args.weights.parent)
    randomness = Randomness.seeded(run.seed)
    model = task.build(run.method, model_settings, len(fold.gene_ids), fold.gene_sets)
    start = None
    if args.pretrained is not None:
        if args.pretrained.with_name(RECORD).is_file():
            require_recorded(args.pretrained)
        start = sha256_of(args.pretrained)
        weights = load_weights(args.pretrained, genes=fold.gene_ids)
        if run.pretrained is not None and weights.run.key != run.pretrained:
            found = f"the weights of {weights.run.key}"
            raise BadInputError(f"{args.pretrained}: {found}, expected those of {run.pretrained}; pre-train it again")
        require_same_sets(weights.gene_sets, fold.gene_sets, where=str(args.pretrained))
        start_from_pretrained(model, weights)
    training = fold.training_pairs(model_settings, settings.augment)
    validation = fold.learning_pairs(VALIDATION, model_settings)
    context = context_of(fold, randomness, start, fold.identity(), training.digest(), validation.digest())
    model = model.to(device())
    curve = finetune(model, task, training, validation, settings, use_genes=run.is_multimodal, context=context)
    finish(fold, model, curve, context, model_settings=model_settings, settings=settings)
