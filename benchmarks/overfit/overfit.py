"""Can MGI learn a few patients by heart? A network that cannot has no business with a test set.

REQUIRED INPUTS: an image shard and an expression shard. OUTPUT: a line for people, and JSON in --output: the mean Dice
of the volumes on the patients that were trained on, at the network's size and on the native grid; the goal is 0.95.
Trained on all their slices, without augmentation and gene dropout; the weights of the best Dice count.

    PYTHONPATH=src python benchmarks/overfit/overfit.py --images results/kaggle/shards/flair \
        --values results/kaggle/shards/rna/values.parquet --patients 8 --steps 1500 --size 64
"""

import argparse
import json
import logging
import tempfile
import time
from pathlib import Path

import numpy as np
import torch
import yaml
from torch import nn

from mgi.core.files import write_json
from mgi.datasets.settings import AugmentSettings
from mgi.datasets.slices import prepare_slices
from mgi.modalities.rna.normalise import fit
from mgi.modalities.rna.settings import FitSettings
from mgi.models.mgi import build_mgi
from mgi.models.settings import ModelSettings
from mgi.shards.expression_shard import read_expression
from mgi.shards.image_shard import PatientImages, iter_images
from mgi.tasks.expression_inputs import ExpressionInput
from mgi.tasks.segmentation import learning
from mgi.tasks.segmentation.dice import at_least, dice
from mgi.tasks.segmentation.learning import predict
from mgi.training.finetune import finetune
from mgi.training.loop import Randomness, RunContext
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings, PredictSettings, ScheduleSettings

GOAL = 0.95
CONFIG = Path(__file__).parents[2] / "config/kaggle.yaml"
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
UNCHANGED = AugmentSettings(scale=0.0, rotation=0.0, flip=False, jitter=0.0)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--images", required=True, type=Path, help="folder of the image shard")
    options.add_argument("--values", required=True, type=Path, help="expression shard")
    options.add_argument("--patients", type=int, default=8, help="the first ones by id that have image, mask and genes")
    options.add_argument("--steps", type=int, default=1500)
    options.add_argument("--batch", type=int, default=16, help="slices a step")
    options.add_argument("--learning-rate", type=float, default=2e-3)
    options.add_argument("--size", type=int, default=64, help="pixels, side of the network's input")
    options.add_argument("--seed", type=int, default=0)
    options.add_argument("--config", type=Path, default=CONFIG, help="YAML whose section `model` gives the sizes")
    options.add_argument("--output", type=Path, help="default: overfit-<patients>-<steps>-<size>.json beside this file")
    return options.parse_args()


def read_patients(args: argparse.Namespace, sizes: ModelSettings) -> tuple[list[PatientImages], Pairs]:
    """The patients' native volumes, and their slices with expression scaled on these patients alone."""
    expression = read_expression(args.values.parent)
    row = {patient: index for index, patient in enumerate(expression.patient_ids)}
    images: list[PatientImages] = []
    for one in iter_images(args.images):
        if len(images) < args.patients and one.masks is not None and one.patient_id in row:
            images.append(one)
    ids = [one.patient_id for one in images]
    values = expression.values[[row[patient] for patient in ids]]
    fitted = fit(values, expression.genes, FitSettings(), ids, unit=expression.unit)
    volumes = [(one.patient_id, one.slices, one.masks) for one in images]
    slices = prepare_slices(volumes, sizes.image_size, sizes.context_slices, sizes.image_crop)
    return images, Pairs(slices=slices, genes=torch.from_numpy(fitted.transform(values)))


def settings_of(args: argparse.Namespace) -> FinetuneSettings:
    """One rate for the whole network, nothing random but the batches, ten validations on the training patients."""
    schedule = ScheduleSettings(
        steps=args.steps,
        batch=args.batch,
        learning_rate=args.learning_rate,
        weight_decay=0.0,
        warmup_steps=min(50, args.steps),
        validate_every=max(1, args.steps // 10),
        checkpoint_every=args.steps + 1,
    )
    return FinetuneSettings(
        schedule=schedule, image_encoder_lr_scale=1.0, gene_encoder_lr_scale=1.0, gene_dropout=0.0, augment=UNCHANGED
    )


def native_dice(model: nn.Module, pairs: Pairs, images: list[PatientImages]) -> dict[str, float]:
    """Dice of each patient's volume on the native grid, from the bytes that a prediction file would hold."""
    own = ExpressionInput(name="own", genes=pairs.genes, donors=list(pairs.slices.patient_ids), use_genes=True)
    found = predict(model, pairs, own, PredictSettings())
    return {
        patient: dice(at_least(np.stack(stored), 0.5), one.masks > 0)
        for (patient, stored), one in zip(found, images, strict=True)
        if one.masks is not None
    }


def main() -> None:
    """Train, measure, write and print."""
    args = arguments()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    sizes = ModelSettings.read(yaml.safe_load(args.config.read_text())["model"], where=f"{args.config}: model")
    sizes = sizes.but(image_size=args.size)
    images, pairs = read_patients(args, sizes)
    settings = settings_of(args)
    randomness = Randomness.seeded(args.seed)
    model = build_mgi(sizes, pairs.genes.shape[1]).to(DEVICE)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        run_context = RunContext(checkpoints=Path(folder), identity="overfit", randomness=randomness)
        curve = finetune(model, learning, pairs, pairs, settings, use_genes=True, context=run_context)
    seconds = time.monotonic() - began
    by_patient = native_dice(model, pairs, images)
    result = {
        "dice_at_network_size": max(point["validation_dice"] for point in curve),
        "dice_on_native_grid": float(np.mean(list(by_patient.values()))),
        "dice_on_native_grid_by_patient": by_patient,
        "goal": GOAL,
        "slices": len(pairs.slices.images),
        "genes": pairs.genes.shape[1],
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "device": str(DEVICE),
        "seconds": round(seconds, 1),
        "model": sizes.plain(),
        "finetune": settings.plain(),
        "curve": curve,
    }
    named = Path(__file__).with_name(f"overfit-{len(images)}-{args.steps}-{args.size}.json")
    write_json(args.output or named, result)
    shown = {
        name: result[name] for name in ("dice_at_network_size", "dice_on_native_grid", "goal", "slices", "seconds")
    }
    print(json.dumps(shown, indent=1))


if __name__ == "__main__":
    main()
