"""What stripped copies in training (`augment.skull_strip`) do to Dice on whole heads and on skull-stripped volumes.

REQUIRED INPUTS: --results, a folder in which `snakemake data --configfile config/kaggle.yaml` ended.
OUTPUTS: a table, and --output: a list of {role, fold, share, grid, name, value, n, steps, seed}. --work keeps weights
and scores of each fold and share: a killed run goes on, and what is there is not made again.

U-Net alone, no genes, the settings of config/kaggle.yaml but for --steps. Every patient is scored by volume Dice:
`whole`, the head as it is; `stripped`, all but the brain set to 0 by `mgi.modalities.flair.brain`; `1 mm`, that on
voxels of 1 mm, on which it is scored too. The archive has no geometry: its fields of view are taken to be 230 mm wide
and its volumes 150 mm high. --brats names a FLAIR of that space and the label map that it is scored against.

    PYTHONPATH=src python benchmarks/stripped.py --results results/kaggle --folds 1 4 --shares 0 0.5
"""

import argparse
import json
import logging
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
import yaml
from numpy.typing import NDArray
from scipy.ndimage import zoom
from torch import nn

from mgi.cohort.tables import patients_with_role, read_split
from mgi.core.files import atomic_path, write_json
from mgi.datasets.slices import SliceSet, prepare_slices
from mgi.modalities.flair.brain import without_scalp
from mgi.modalities.flair.geometry import to_stored_axes
from mgi.modalities.flair.nifti import read_image, read_labels
from mgi.models.settings import ModelSettings
from mgi.shards.image_shard import PatientImages, read_images
from mgi.tasks.expression_inputs import ExpressionInput
from mgi.tasks.segmentation import learning
from mgi.tasks.segmentation.dice import at_least, dice
from mgi.training.finetune import finetune
from mgi.training.loop import Randomness, RunContext
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings, PredictSettings

ROOT = Path(__file__).parents[1]
CONFIG = ROOT / "config/kaggle.yaml"
WIDTH_MM, HEIGHT_MM = 230.0, 150.0
Volume = tuple[str, NDArray[Any], NDArray[np.uint8] | None]


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--results", required=True, type=Path, help="folder with shards and split")
    options.add_argument("--folds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    options.add_argument("--shares", type=float, nargs="+", default=[0.0, 0.5], help="of stripped draws in training")
    roles = ["validation", "test"]
    options.add_argument("--roles", nargs="+", choices=roles, default=roles[:1], help="who is scored")
    options.add_argument("--steps", type=int, default=1800)
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="of training and prediction")
    options.add_argument("--brats", type=Path, nargs=2, metavar=("FLAIR", "LABELS"), help="NIfTI files")
    options.add_argument("--work", type=Path, default=ROOT / "results/stripped", help="weights and scores")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/stripped.json")
    return options.parse_args()


def prepared(volumes: list[Volume], sizes: ModelSettings) -> SliceSet:
    """Slices as the network sees them."""
    return prepare_slices(volumes, sizes.image_size, sizes.context_slices, sizes.image_crop)


def volumes_of(images: list[PatientImages], *, stripped: bool = False) -> list[Volume]:
    """The patients' volumes, whole or without scalp."""
    return [(one.patient_id, without_scalp(one.slices) if stripped else one.slices, one.masks) for one in images]


def at_1_mm(volume: Volume) -> Volume:
    """A volume on voxels of 1 mm, linearly; the mask is where the interpolated one reaches a half."""
    patient, slices, mask = volume
    factors = (HEIGHT_MM / len(slices), *(WIDTH_MM / side for side in slices.shape[1:]))
    finer = zoom(slices.astype(np.float32), factors, order=1, grid_mode=True, mode="nearest")
    if mask is None:
        return patient, finer, None
    shares = zoom(mask.astype(np.float32), factors, order=1, grid_mode=True, mode="nearest")
    return patient, finer, (shares >= 0.5).astype(np.uint8)


def read_brats(flair: Path, labels: Path) -> Volume:
    """A volume of the space of BraTS and its whole tumour, on the axes that all volumes have here."""
    image = read_image(flair.read_bytes(), str(flair))
    tumour = read_labels(labels.read_bytes(), str(labels))
    slices, mask = (to_stored_axes(one.voxels, one.affine)[0] for one in (image, tumour))
    return flair.name, slices, np.ascontiguousarray(mask)


def settings_of(args: argparse.Namespace, share: float) -> tuple[ModelSettings, FinetuneSettings]:
    """Those of config/kaggle.yaml with this share of stripped draws."""
    config = yaml.safe_load(CONFIG.read_text())
    sizes = ModelSettings.read(config["model"], where="model")
    settings = FinetuneSettings.read(config["finetune"], where="finetune")
    schedule = settings.schedule.but(steps=args.steps, validate_every=max(1, args.steps // 6))
    return sizes, settings.but(schedule=schedule, augment=settings.augment.but(skull_strip=share))


def folder_of(args: argparse.Namespace, fold: int, share: float) -> Path:
    """Where a network and its scores are kept."""
    return Path(args.work / f"fold{fold}-share{share:g}-seed{args.seed}-{args.steps}")


def trained(args: argparse.Namespace, fold: int, share: float) -> nn.Module:
    """U-Net of a fold and a share, with the best weights for whole heads of validation."""
    folder = folder_of(args, fold, share)
    folder.mkdir(parents=True, exist_ok=True)
    sizes, settings = settings_of(args, share)
    randomness = Randomness.seeded(args.seed)
    model = learning.build("unet", sizes, 1).to(args.device)
    if (done := folder / "weights.pt").is_file():
        model.load_state_dict(torch.load(done, map_location=args.device, weights_only=True))
        return model
    split = read_split(args.results / "tables/split.parquet")
    pairs = {}
    for role in ("train", "validation"):
        own = patients_with_role(split, fold, role)
        images = list(read_images(args.results / "shards/flair", own).values())
        slices = prepared(volumes_of(images), sizes)
        if role == "train" and share > 0:
            slices = slices.beside(prepared(volumes_of(images, stripped=True), sizes))
        pairs[role] = Pairs(slices=slices, genes=torch.zeros(len(own), 1))
    identity = f"{pairs['train'].digest()} {settings.plain()}"
    context = RunContext(checkpoints=folder / "ckpt", identity=identity, randomness=randomness)
    curve = finetune(model, learning, pairs["train"], pairs["validation"], settings, use_genes=False, context=context)
    write_json(folder / "curve.json", {"curve": curve})
    with atomic_path(done) as part:
        torch.save(model.state_dict(), part)
    return model


def volume_dice(model: nn.Module, volume: Volume, sizes: ModelSettings) -> float:
    """Dice of a whole volume on its own grid."""
    patient, slices, mask = volume
    pairs = Pairs(slices=prepared([(patient, slices, None)], sizes), genes=torch.zeros(1, 1))
    given = ExpressionInput(name="not_used", genes=pairs.genes, donors=[None], use_genes=False)
    ((_, stored),) = learning.predict(model, pairs, given, PredictSettings())
    return dice(at_least(np.stack(stored), 0.5), np.asarray(mask) > 0)


def scored(args: argparse.Namespace, model: nn.Module, fold: int, role: str) -> Iterator[dict[str, Any]]:
    """Dice of every patient of a role on every grid."""
    sizes, _ = settings_of(args, 0.0)
    split = read_split(args.results / "tables/split.parquet")
    for patient in patients_with_role(split, fold, role):
        (one,) = read_images(args.results / "shards/flair", [patient]).values()
        ((whole,), (stripped,)) = volumes_of([one]), volumes_of([one], stripped=True)
        for grid, volume in (("whole", whole), ("stripped", stripped), ("1 mm", at_1_mm(stripped))):
            yield {"role": role, "grid": grid, "patient_id": patient, "dice": volume_dice(model, volume, sizes)}
    if args.brats:
        value = volume_dice(model, read_brats(*args.brats), sizes)
        yield {"role": "brats", "grid": "1 mm", "patient_id": args.brats[0].name, "dice": value}


def main() -> None:
    """Train and score what is missing, write and print."""
    args = arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    torch.set_num_threads(1)
    rows: list[dict[str, Any]] = []
    for fold, share, role in product(args.folds, args.shares, args.roles):
        model, done = trained(args, fold, share), folder_of(args, fold, share) / f"{role}.json"
        if not done.is_file():
            write_json(done, {"scores": list(scored(args, model, fold, role))})
        scores = json.loads(done.read_text())["scores"]
        rows += [{"fold": fold, "share": share, **one} for one in scores]
    table = pd.DataFrame(rows).groupby(["role", "fold", "share", "grid"])["dice"].agg(["mean", "count"]).reset_index()
    print(table.pivot(index=["role", "fold", "share"], columns="grid", values="mean").round(3).to_string())
    figures = table.rename(columns={"mean": "value", "count": "n"}).assign(
        name="mean volume Dice", steps=args.steps, seed=args.seed
    )
    with atomic_path(args.output) as part:
        part.write_text(json.dumps(figures.to_dict(orient="records"), indent=1) + "\n")


if __name__ == "__main__":
    main()
