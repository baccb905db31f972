"""Put the slices of every patient at the network's size, once for all runs that see them so.

INPUT: image shard. OUTPUT: slices.parquet, and beside it a file for each patient, which a later call uses again.
"""

import argparse
from pathlib import Path

import torch

from mgi.datasets.preparation import prepare_shard
from mgi.datasets.settings import PreparedSettings
from mgi.modalities.flair.brain import images_without_scalp


def add_options(options: argparse.ArgumentParser) -> None:
    options.add_argument("--image-shard", type=Path, required=True, help="dataset.json of the image shard")
    options.add_argument("--settings", required=True, help="JSON with image_size, image_crop and stripped")
    options.add_argument("--code", default="", help="version of this code; files of another version are made again")
    options.add_argument("--threads", type=int, default=1, help="volumes worked on at once")
    options.add_argument("--output", type=Path, required=True, help="table of the prepared slices (Parquet)")


def run(args: argparse.Namespace) -> None:
    settings = PreparedSettings.read(args.settings, where="settings")
    torch.set_num_threads(1)  # volumes are worked on side by side
    change = images_without_scalp if settings.stripped else None
    patients, new = prepare_shard(
        args.image_shard, args.output, settings, change=change, code=args.code, threads=args.threads
    )
    print(f"{patients} patients, {new} of them prepared, the others were there")
