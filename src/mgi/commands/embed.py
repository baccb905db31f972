"""Encode every patient of a pre-training run's fold: vectors of the image, of its tumour and of the genes.

The same network before any training gives vectors too, for comparison. Patients without image or without expression
are there, with null in place of what they lack. Of a pre-training with further modalities each has its vectors too.

INPUTS: weights of a pre-training run, image shard and the prepared slices of a scan, expression shard, the fold's
genes, split; shards and fits of further modalities.
OUTPUT: vectors, a row a patient.
BY HAND: mgi embed --results results/X --run pretrain-fold0-seed0
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.cohort.split import TEST, TRAIN, UNPAIRED_EXPRESSION, UNPAIRED_IMAGE, VALIDATION
from mgi.commands._device import device
from mgi.commands._learning import Fold
from mgi.commands._modality_tables import FoldModalities
from mgi.commands._run_options import add_modalities, add_run, complete
from mgi.commands._slide_fold import bags_of_all
from mgi.core.errors import BadInputError, ConfigError
from mgi.core.run import EXPRESSION, Run
from mgi.core.run_files import RECORD, require_recorded
from mgi.datasets.gene_rows import Genes
from mgi.datasets.slices import SliceSet
from mgi.datasets.slide_bags import SlideBags
from mgi.models.mgi import DualEncoder, build_dual_encoder
from mgi.models.multimodal import MultimodalEncoder, build_multimodal_encoder
from mgi.models.slide_encoder import SlideEncoder
from mgi.shards.channels import require_channels
from mgi.shards.embedding_file import Embeddings, write_embeddings
from mgi.training.embedding import Vectors, gene_vectors, image_vectors, modality_vectors, slide_vectors
from mgi.training.loop import Randomness
from mgi.training.settings import PredictSettings
from mgi.training.weights import Weights, load_weights

PAIRED = (TRAIN, VALIDATION, TEST)
GENES = "genes"
"""What the columns of expression are called."""


def add_options(options: argparse.ArgumentParser) -> None:
    add_run(options)
    add_modalities(options)
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
    known = None if weights.modalities is None else FoldModalities.of(fold, tuple(weights.modalities))
    if known is not None and known.features != weights.modalities:
        raise BadInputError(f"{args.weights}: trained on other features of {', '.join(known.names)}; train it again")
    Randomness.seeded(run.seed)  # as before the training: the weights that it began with
    encoders = _encoders(weights, known)
    if isinstance(encoders.image_encoder, SlideEncoder):  # what standardises tiles was fitted, and not trained
        encoders.image_encoder.standardise_as(weights.tensors, "image_encoder.")
    encoders = encoders.to(place)
    patients = _Patients.of(fold, weights, known)
    untrained = patients.vectors(encoders, settings.batch)
    encoders.load_state_dict(weights.tensors)
    trained = patients.vectors(encoders, settings.batch)
    further = () if known is None else tuple(name for name in known.names if name != EXPRESSION)
    before = {f"{name}_untrained": untrained[name] for name in ("image", "image_tumour", "genes", *further)}
    found = Embeddings(
        run=run,
        patient_ids=[patient for patient, _ in patients.roles],
        roles=[role for _, role in patients.roles],
        vectors=trained | before,
        modalities=further,
    )
    write_embeddings(args.output, found, [args.weights, *fold.sources])


def _encoders(weights: Weights, known: FoldModalities | None) -> DualEncoder | MultimodalEncoder:
    """The network of a pre-training, with fresh weights."""
    if known is None:
        return build_dual_encoder(weights.model, len(weights.genes), weights.gene_sets)
    return build_multimodal_encoder(weights.model, known.sizes, weights.gene_sets)


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
    """Patients of a fold with their roles, and what can be encoded of those who have it.

    `with_image` are rows of those with slices. `of_modality` has by the name of its columns the rows of those who have
    a modality and its numbers; expression's columns are called genes.
    """

    roles: Sequence[tuple[str, str]]
    with_image: Sequence[int]
    slices: SliceSet | SlideBags
    of_modality: Mapping[str, tuple[Sequence[int], Genes]]

    @classmethod
    def of(cls, fold: Fold, weights: Weights, known: FoldModalities | None) -> Self:
        every = (*PAIRED, UNPAIRED_IMAGE, UNPAIRED_EXPRESSION)
        roles = sorted((patient, role) for role in every for patient in fold.patients(role))
        with_image = [row for row, (_, role) in enumerate(roles) if role != UNPAIRED_EXPRESSION]
        of_modality: dict[str, tuple[Sequence[int], Genes]] = {}
        if known is None:
            with_genes = [row for row, (_, role) in enumerate(roles) if role != UNPAIRED_IMAGE]
            of_modality[GENES] = with_genes, fold.genes([roles[row][0] for row in with_genes])
        else:
            tables = known.tables([patient for patient, _ in roles])
            for name in known.names:
                rows = (tables.row_of[name] >= 0).nonzero().flatten().tolist()
                of_modality[_column(name)] = rows, tables.values[name]
        imaged = [roles[row][0] for row in with_image]
        slices: SliceSet | SlideBags
        if fold.bags is not None:
            slices = bags_of_all(fold, imaged, "imaged")
        else:
            slices = fold.pairs_without_genes(imaged, weights.model).slices
        return cls(roles=roles, with_image=with_image, slices=slices, of_modality=of_modality)

    def vectors(self, encoders: DualEncoder | MultimodalEncoder, batch: int) -> dict[str, NDArray[np.float32]]:
        """By name the vectors of all patients, NaN where one lacks what is encoded."""
        parts = self._of_images(encoders, batch)
        for column, (rows, numbers) in self.of_modality.items():
            if isinstance(encoders, DualEncoder):
                parts[column] = rows, gene_vectors(encoders, numbers, batch)
            else:
                name = EXPRESSION if column == GENES else column
                parts[column] = rows, modality_vectors(encoders.of(name), numbers, batch)
        found: dict[str, NDArray[np.float32]] = {}
        for column, (rows, vectors) in parts.items():
            found[column] = self._spread(vectors.pooled, rows)
            found[f"{column}_projected"] = self._spread(vectors.projected, rows)
        if GENES not in parts:  # the pre-training read no expression
            found[GENES] = found[f"{GENES}_projected"] = np.full((len(self.roles), 1), np.nan, np.float32)
        return found

    def _of_images(
        self, encoders: DualEncoder | MultimodalEncoder, batch: int
    ) -> dict[str, tuple[Sequence[int], Vectors]]:
        """The image's vectors; a slide has none of a tumour, which no mask shows."""
        if isinstance(self.slices, SliceSet):
            whole, tumour = image_vectors(encoders, self.slices, batch)
            return {"image": (self.with_image, whole), "image_tumour": (self.with_image, tumour)}
        assert isinstance(encoders, MultimodalEncoder)
        found = slide_vectors(encoders, self.slices)
        nothing = Vectors(pooled=torch.zeros(0, found.pooled.shape[1]), projected=found.projected[:0])
        return {"image": (self.with_image, found), "image_tumour": ([], nothing)}

    def _spread(self, vectors: Tensor, rows: Sequence[int]) -> NDArray[np.float32]:
        spread = np.full((len(self.roles), vectors.shape[1]), np.nan, np.float32)
        spread[list(rows)] = vectors.numpy()
        return spread


def _column(name: str) -> str:
    return GENES if name == EXPRESSION else name
