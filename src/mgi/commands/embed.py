"""Encode every patient of a pre-training run's fold: vectors of the image, of its tumour and of the genes.

The same network before any training gives vectors too, for comparison. Patients without image or without expression
are there, with null in place of what they lack.

INPUTS: weights of a pre-training run, prepared slices of the image shard, expression shard, the fold's genes, split.
OUTPUT: vectors, a row a patient.
BY HAND: mgi embed --results results/X --run pretrain-fold0-seed0
"""

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from mgi.cohort.split import TEST, TRAIN, UNPAIRED_EXPRESSION, UNPAIRED_IMAGE, VALIDATION
from mgi.commands._device import device
from mgi.commands._learning import Fold
from mgi.commands._run_options import add_run, complete
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.run import Run
from mgi.core.run_files import RECORD, require_recorded
from mgi.datasets.gene_rows import Genes
from mgi.datasets.slices import SliceSet
from mgi.models.mgi import DualEncoder, build_dual_encoder
from mgi.shards.channels import require_channels
from mgi.shards.embedding_file import Embeddings, write_embeddings
from mgi.training.embedding import gene_vectors, image_vectors
from mgi.training.loop import Randomness
from mgi.training.settings import PredictSettings
from mgi.training.weights import Weights, load_weights

PAIRED = (TRAIN, VALIDATION, TEST)


def add_options(options: argparse.ArgumentParser) -> None:
    add_run(options)
    options.add_argument("--weights", type=Path, help="weights of the pre-training run")
    options.add_argument("--output", type=Path, help="vectors of the run's patients")


def run(args: argparse.Namespace) -> None:
    run = complete(args, "predict", of_pretraining=True)
    if run.leaks:
        raise ConfigError(f"--run: found {run.key}, expected a run whose test patients it has not learned")
    settings = PredictSettings.read(args.settings, where="predict")
    place = device(args)
    fold = Fold(args, run, args.output.parent)
    weights = _weights(args.weights, run, fold.gene_ids)
    require_channels(fold.channels, weights.model.channels, str(args.image_shard))
    Randomness.seeded(run.seed)  # as before the training: the weights that it began with
    encoders = build_dual_encoder(weights.model, len(weights.genes), weights.gene_sets).to(place)
    patients = _Patients.of(fold, weights)
    untrained = patients.vectors(encoders, settings.batch)
    encoders.load_state_dict(weights.tensors)
    trained = patients.vectors(encoders, settings.batch)
    before = {f"{name}_untrained": untrained[name] for name in ("image", "image_tumour", "genes")}
    found = Embeddings(
        run=run,
        patient_ids=[patient for patient, _ in patients.roles],
        roles=[role for _, role in patients.roles],
        vectors=trained | before,
    )
    write_embeddings(args.output, found, [args.weights, *fold.sources])


def _weights(path: Path, run: Run, genes: list[str]) -> Weights:
    if path.with_name(RECORD).is_file():
        require_recorded(path)
    weights = load_weights(path, genes=genes)
    if weights.run != run:
        raise BadInputError(
            f"{path}: the weights of {weights.run.key}, expected those of {run.key}; delete them and train it again"
        )
    return weights


@dataclass(frozen=True, kw_only=True)
class _Patients:
    """Patients of a fold with their roles, and what can be encoded of those in the rows `with_image`, `with_genes`."""

    roles: Sequence[tuple[str, str]]
    with_image: Sequence[int]
    with_genes: Sequence[int]
    slices: SliceSet
    genes: Genes

    @classmethod
    def of(cls, fold: Fold, weights: Weights) -> Self:
        every = (*PAIRED, UNPAIRED_IMAGE, UNPAIRED_EXPRESSION)
        roles = sorted((patient, role) for role in every for patient in fold.patients(role))
        with_image = [row for row, (_, role) in enumerate(roles) if role != UNPAIRED_EXPRESSION]
        with_genes = [row for row, (_, role) in enumerate(roles) if role != UNPAIRED_IMAGE]
        return cls(
            roles=roles,
            with_image=with_image,
            with_genes=with_genes,
            slices=fold.pairs_without_genes([roles[row][0] for row in with_image], weights.model).slices,
            genes=fold.genes([roles[row][0] for row in with_genes]),
        )

    def vectors(self, encoders: DualEncoder, batch: int) -> dict[str, NDArray[np.float32]]:
        """By name the vectors of all patients, NaN where one lacks what is encoded."""
        whole, tumour = image_vectors(encoders, self.slices, batch)
        genes = gene_vectors(encoders, self.genes, batch)
        found: dict[str, NDArray[np.float32]] = {}
        for name, rows, vectors in (
            ("image", self.with_image, whole),
            ("image_tumour", self.with_image, tumour),
            ("genes", self.with_genes, genes),
        ):
            found[name] = self._spread(vectors.pooled, rows)
            found[f"{name}_projected"] = self._spread(vectors.projected, rows)
        return found

    def _spread(self, vectors: Tensor, rows: Sequence[int]) -> NDArray[np.float32]:
        spread = np.full((len(self.roles), vectors.shape[1]), np.nan, np.float32)
        spread[list(rows)] = vectors.numpy()
        return spread
