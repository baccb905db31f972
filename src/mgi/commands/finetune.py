"""Train one segmentation network on a fold's training patients; test patients are never read.

INPUTS: image shard, expression shard, the fold's genes, split, pre-trained encoders for MGI.
OUTPUTS: weights of the best validation Dice, curve, facts of the run.
"""

import argparse
from pathlib import Path

from mgi.commands._learning import Fold, add_inputs, add_model, device, finish, read_model, read_spec
from mgi.core.files import sha256_of
from mgi.core.settings import parse
from mgi.tasks.segmentation.finetune import finetune
from mgi.tasks.segmentation.segmenters import build_segmenter, start_from_pretrained
from mgi.training.checkpoint import identity_of, remove_checkpoints
from mgi.training.frozen_genes import require_same_sets
from mgi.training.loop import Place, Randomness
from mgi.training.settings import FinetuneSettings
from mgi.training.weights import load_weights


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    add_inputs(options)
    add_model(options)
    options.add_argument("--pretrained", type=Path, help="weights of the pre-training run")
    options.add_argument("--weights", required=True, type=Path)
    options.add_argument("--curves", required=True, type=Path)
    options.add_argument("--run", required=True, type=Path)
    return options


def run(args: argparse.Namespace) -> None:
    spec, model_settings = read_spec(args.spec), read_model(args.model)
    settings = parse(FinetuneSettings, args.settings, where="finetune")
    fold = Fold.of(args, spec)
    randomness = Randomness.seeded(spec["seed"])
    model = build_segmenter(spec["method"], model_settings, len(fold.gene_ids), fold.gene_sets)
    start = None
    if args.pretrained is not None:
        start = sha256_of(args.pretrained)
        weights = load_weights(args.pretrained, genes=fold.gene_ids)
        require_same_sets(weights.gene_sets, fold.gene_sets, where=str(args.pretrained))
        start_from_pretrained(model, weights)
    training, validation = (fold.learning_pairs(role, model_settings) for role in ("train", "validation"))
    checkpoints = args.weights.parent / "ckpt"
    curve = finetune(
        model.to(device()),
        training,
        validation,
        settings,
        use_genes=spec["genes"] != "none",
        place=Place(
            checkpoints=checkpoints,
            identity=identity_of(
                spec, args.model, args.settings, start, fold.identity(), training.digest(), validation.digest()
            ),
            randomness=randomness,
            genes=fold.gene_ids,
        ),
    )
    finish(args, model, curve, spec=spec, model_settings=model_settings, settings=settings, fold=fold)
    remove_checkpoints(checkpoints)
