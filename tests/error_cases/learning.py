"""Shards, checkpoints and weights."""

import errno
from pathlib import Path

import torch
from safetensors.torch import save_file

from error_cases.ways import Case, file, sealed
from mgi.core.files import full_disk_named
from mgi.core.parts import part_files
from mgi.models.settings import ModelSettings
from mgi.shards.dataset_manifest import read_dataset
from mgi.shards.image_parts import read_parts
from mgi.shards.parquet import opened_parquet
from mgi.tasks.segmentation import learning
from mgi.training.optimiser import precision_of
from mgi.training.weights import load_weights, require_same_genes, require_same_sets

OTHER_PART = {"kind": "volumes", "files": {}, "part": "2-of-2", "digests": {}, "dropped": {}, "stated": {}}


def read_two_parts(record: Path) -> None:
    """What is said of a shard with this record of a part."""
    read_parts(record.parent, 2)


def full_disk(folder: Path) -> None:
    with full_disk_named(folder / "shard.parquet"):
        raise OSError(errno.EDQUOT, "Disk quota exceeded")


def foreign_weights(path: Path) -> None:
    save_file({"w": torch.zeros(2)}, path)
    load_weights(path, genes=["A"])


def damaged(path: Path) -> None:
    with opened_parquet(path):
        pass


CASES: dict[str, dict[str, Case]] = {
    "shards": {
        "damaged": file("shard.parquet", "hello", damaged),
        "never finished": lambda folder: read_dataset(folder, "volumes"),
        "of another kind": sealed("dataset.json", {"kind": "table"}, lambda path: read_dataset(path.parent, "volumes")),
        "of an older version": file(
            "dataset.json", {"kind": "expression"}, lambda path: read_dataset(path.parent, "table")
        ),
        "a part is missing": lambda _: part_files(["part-2-of-2.parquet"], "shards/flair/dataset.json"),
        "a part of another number": lambda _: part_files(
            ["part-1-of-1.parquet", "part-2-of-2.parquet"], "shards/flair/dataset.json"
        ),
        "a part that another took the place of": sealed("shards/flair/part-1-of-2.json", OTHER_PART, read_two_parts),
        "full disk": full_disk,
    },
    "training": {
        "weights of another gene list": lambda _: require_same_genes(["A", "B"], ["B", "A"], where="weights"),
        "weights of other gene sets": lambda _: require_same_sets({"S": [0]}, {"T": [0]}, where="weights"),
        "weights of another program": lambda folder: foreign_weights(folder / "w.safetensors"),
        "damaged weights": file("w.safetensors", "hello", lambda path: load_weights(path, genes=["A"])),
        "bf16 on a CPU": lambda _: precision_of("bf16", torch.device("cpu"), where="finetune.schedule"),
        "unknown method": lambda _: learning.build("nnunet", ModelSettings(), 4),
    },
}
