"""How much of the slide encoder's attention each tile of a fold's test patients has, whatever their genes.

INPUTS: weights of a run that reads slides, their shard, expression shard, the fold's genes, split.
OUTPUT: a row a tile (Parquet). Of a patient with more tiles than are read at test, those that are read.
BY HAND: mgi tile-attention --results results/X --run mgi-classification-grade-fold0-seed0 --output attention.parquet
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import torch

from mgi.cohort.split import TEST
from mgi.commands._device import device
from mgi.commands._learning import Fold
from mgi.commands._run_options import add_run, complete
from mgi.commands._slide_fold import bags_of_all, require_same_tiles
from mgi.core.errors import BadInputError
from mgi.core.run_files import RECORD, require_recorded
from mgi.datasets.slide_bags import MOST_AT_TEST, evenly_spaced
from mgi.explain.tile_attention_file import TileAttention, write_tile_attention
from mgi.models.slide_encoder import SlideEncoder
from mgi.tasks.learning import predicting
from mgi.training.weights import load_weights


def add_options(options: argparse.ArgumentParser) -> None:
    add_run(options)
    options.add_argument("--weights", type=Path, nargs="+", help="weights of the run")
    options.add_argument("--output", type=Path, help="attention of every tile of the test patients")


def run(args: argparse.Namespace) -> None:
    run, place = complete(args, "predict"), device(args)
    fold = Fold(args, run, args.output.parent)
    (path,) = args.weights
    if fold.bags is None or not run.reads_image:
        raise BadInputError(f"{path}: inputs: found {', '.join(run.inputs)}, expected a run that reads slides")
    if path.with_name(RECORD).is_file():
        require_recorded(path)
    weights = load_weights(path, genes=fold.gene_ids)
    require_same_tiles(fold, weights.model, path)
    network = predicting(weights, path).build(run.method, weights.model, len(weights.genes), weights.gene_sets)
    network.load_state_dict(weights.tensors)
    encoder = network.to(place).eval().image_encoder
    assert isinstance(encoder, SlideEncoder)
    write_tile_attention(args.output, _rows(fold, encoder, place), run, [*fold.sources, path])


@torch.no_grad()
def _rows(fold: Fold, encoder: SlideEncoder, place: torch.device) -> Iterator[TileAttention]:
    """The tiles of each patient in the order of the shard."""
    assert fold.bags is not None
    patients = fold.patients(TEST)
    bags = bags_of_all(fold, patients, TEST)
    for number, patient in enumerate(patients):
        shares = encoder(*(part.to(place) for part in bags.whole(torch.tensor([number])))).attention[0].tolist()
        tiles = [
            (bag.slide_id, tile, x0, y0)
            for bag in fold.bags.bags([patient])
            for tile, (x0, y0) in enumerate(bag.corners.tolist())
        ]
        chosen = evenly_spaced(len(tiles), MOST_AT_TEST).tolist()
        for row, share in zip(chosen, shares, strict=True):
            slide, tile, x0, y0 = tiles[row]
            yield TileAttention(patient, slide, tile, x0, y0, share)
