"""Align the gene and image encoders by contrast on a fold's training patients; test patients are never read.

INPUTS: image shard, expression shard, the fold's genes, split. OUTPUTS: weights, curve, facts of the run.
"""

import argparse
from pathlib import Path

from mgi.commands._learning import Fold, add_inputs, add_model, device, finish, read_model, read_spec
from mgi.core.settings import parse
from mgi.models.mgi import build_aligner
from mgi.training.checkpoint import identity_of, remove_checkpoints
from mgi.training.loop import Place, Randomness
from mgi.training.pretrain import pretrain
from mgi.training.settings import PretrainSettings


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    add_inputs(options)
    add_model(options)
    options.add_argument("--weights", required=True, type=Path)
    options.add_argument("--curves", required=True, type=Path)
    options.add_argument("--run", required=True, type=Path)
    return options


def run(args: argparse.Namespace) -> None:
    spec, model_settings = read_spec(args.spec), read_model(args.model)
    settings = parse(PretrainSettings, args.settings, where="pretrain")
    fold = Fold(args, spec["fold"])
    randomness = Randomness.seeded(spec["seed"])
    aligner = build_aligner(model_settings, len(fold.gene_ids), fold.gene_sets).to(device())
    training, validation = (
        fold.pairs(fold.images(role), model_settings.image_size) for role in ("train", "validation")
    )
    checkpoints = args.weights.parent / "ckpt"
    curve = pretrain(
        aligner,
        training,
        validation,
        settings,
        place=Place(
            checkpoints=checkpoints,
            identity=identity_of(
                spec, args.model, args.settings, fold.identity(), training.digest(), validation.digest()
            ),
            randomness=randomness,
            genes=fold.gene_ids,
        ),
    )
    finish(args, aligner, curve, spec=spec, model_settings=model_settings, settings=settings, fold=fold)
    remove_checkpoints(checkpoints)
