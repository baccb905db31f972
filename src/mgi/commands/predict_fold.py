"""Segment every slice of a fold's test patients on their own grid, with each kind of genes that the audit asks for.

The fold's patients without expression are segmented too, by what needs none: a method without genes, or the null token.

INPUTS: weights, image shard, expression shard, the fold's genes, split. OUTPUT: predictions, one row a slice and mode.
No mask is read: shuffling the ground truth cannot change a prediction.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from mgi.cohort.slice_split import PATIENT_PROTOCOL
from mgi.cohort.split import IMAGE_ONLY, TEST
from mgi.commands._learning import Fold, add_inputs, device, read_spec
from mgi.core.settings import parse
from mgi.datasets.slices import prepare_slices
from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation.predict import gene_modes, predict_native, without_genes
from mgi.tasks.segmentation.prediction_writer import prediction_writer
from mgi.tasks.segmentation.segmenters import build_segmenter
from mgi.training.gene_cache import cache_for
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings
from mgi.training.weights import load_weights


def parser() -> argparse.ArgumentParser:
    options = argparse.ArgumentParser(description=__doc__)
    add_inputs(options)
    options.add_argument("--weights", required=True, type=Path)
    options.add_argument("--output", required=True, type=Path)
    return options


def run(args: argparse.Namespace) -> None:
    spec = read_spec(args.spec)
    settings = parse(PredictSettings, args.settings, where="predict")
    fold = Fold.of(args, spec)
    weights = load_weights(args.weights, genes=fold.gene_ids)
    model = build_segmenter(spec["method"], weights.model, len(weights.genes), weights.gene_sets)
    model.load_state_dict(weights.tensors)
    with prediction_writer(args.output, json.dumps(spec, sort_keys=True)) as writer:
        for row in _rows(model.to(device()), fold, weights.model, spec, settings):
            writer.add(*row)


def _rows(
    model: Any, fold: Fold, sizes: ModelSettings, spec: dict[str, Any], settings: PredictSettings
) -> Iterator[Any]:
    """(patient, mode, donor, slices) of every test patient and gene mode, then of the patients without expression."""
    images = [replace(patient, masks=None) for patient in fold.images(TEST)]
    pairs = fold.pairs(images, sizes)
    with_genes = spec["method"] == "mgi" and spec["genes"] != "none"
    cache = cache_for(model)
    average = fold.average_genes()
    for mode in gene_modes(pairs.genes, average, pairs.slices.patient_ids, settings, with_genes=with_genes):
        donors = dict(zip(pairs.slices.patient_ids, mode.donors, strict=True))
        for patient, stored in predict_native(model, pairs, mode, settings, cache):
            yield patient, mode.name, donors[patient], stored
    if spec["protocol"] != PATIENT_PROTOCOL or not fold.patients(IMAGE_ONLY):
        return
    images = [replace(patient, masks=None) for patient in fold.images(IMAGE_ONLY)]
    volumes = [(one.patient_id, one.slices, None) for one in images]
    genes = torch.zeros(len(images), len(fold.gene_ids))
    slices = prepare_slices(volumes, sizes.image_size, sizes.context_slices, sizes.image_crop)
    pairs = Pairs(slices=slices, genes=genes)
    mode = without_genes(genes, "null" if with_genes else "none")
    for patient, stored in predict_native(model, pairs, mode, settings, cache):
        yield patient, mode.name, None, stored
