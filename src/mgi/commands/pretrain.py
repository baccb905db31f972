"""Align the gene and image encoders by contrast on a fold's training patients; test patients are never read.

Patients with expression and no image may join, for the gene encoder. Started by torchrun, each process takes a part of
every batch.

INPUTS: image shard, expression shard, the fold's genes, split. OUTPUTS: weights, curve, facts of the run.
"""

import argparse
from pathlib import Path

from mgi.commands._learning import Fold, add_inputs, add_model, device, finish, read_model, read_spec
from mgi.core.errors import ConfigError
from mgi.core.settings import parse
from mgi.models.mgi import build_aligner
from mgi.training.checkpoint import identity_of, remove_checkpoints
from mgi.training.distributed import Group, processes
from mgi.training.loop import Place, Randomness
from mgi.training.pretrain import pretrain
from mgi.training.settings import PretrainSettings
from mgi.training.weights import digest_of_tensors


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    add_inputs(options)
    add_model(options)
    options.add_argument("--weights", required=True, type=Path)
    options.add_argument("--curves", required=True, type=Path)
    options.add_argument("--run", required=True, type=Path)
    return options


def run(args: argparse.Namespace) -> None:
    with processes() as group:
        _run(args, group)


def _run(args: argparse.Namespace, group: Group) -> None:
    spec, model_settings = read_spec(args.spec), read_model(args.model)
    settings = parse(PretrainSettings, args.settings, where="pretrain")
    if settings.processes not in (1, group.size):
        raise ConfigError(
            f"pretrain.processes: found {settings.processes}, but started as {group.size}; "
            f"start it by torchrun --nproc-per-node {settings.processes}"
        )
    fold = Fold.of(args, spec)
    randomness = Randomness.seeded(spec["seed"])
    aligner = build_aligner(model_settings, len(fold.gene_ids), fold.gene_sets).to(device())
    training, validation = (fold.learning_pairs(role, model_settings) for role in ("train", "validation"))
    if min(len(training.genes), settings.schedule.batch) < group.size:
        raise ConfigError(
            f"pretrain.schedule.batch: {min(len(training.genes), settings.schedule.batch)} patients a step for "
            f"{group.size} processes, expected one each at least"
        )
    rna_only = fold.genes(fold.rna_only() if settings.unpaired_batch and settings.reconstructs_genes else [])
    checkpoints = args.weights.parent / "ckpt"
    learned = (training.digest(), validation.digest(), digest_of_tensors({"genes": rna_only}))
    identity = identity_of(spec, args.model, args.settings, fold.identity(), *learned)
    curve = pretrain(
        aligner,
        training,
        validation,
        settings,
        place=Place(checkpoints=checkpoints, identity=identity, randomness=randomness, genes=fold.gene_ids),
        rna_only=rna_only,
        group=group,
    )
    if group.leads:
        stated = {"rna_only_patients": len(rna_only), "processes": group.size}
        finish(args, aligner, curve, spec=spec, model_settings=model_settings, settings=settings, fold=fold, **stated)
        remove_checkpoints(checkpoints)
