"""Steps of nnU-Net's default 2-D trainer on a drawn cohort's slices; runs in the Python that has nnU-Net, as a process.

    python benchmarks/trainers_nnunet.py '{"cohort": "FOLDER", "size": 64, "batch": 4, "steps": 60,
        "network": "planned", "model": {"baseline_width": 16}}'

nnU-Net plans and prepares the slices, resized to `size`, by its own commands; patch and network are what it plans then.
Its batch is set to `batch`, since it would fill a GPU. `network: basic_unet` puts the U-Net that we train into its
trainer, without deep supervision. The last line is the figures, as those of trainers_trial.py.
"""

import json
import os
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

WARM = 10
DATASET = "Dataset001_Drawn"


def write_dataset(cohort: Path, raw: Path, size: int) -> None:
    """The slices as nnU-Net asks for them: 8-bit PNG files, each a case of its own."""
    import numpy as np
    from PIL import Image

    folder = raw / DATASET
    for part in ("imagesTr", "labelsTr"):
        (folder / part).mkdir(parents=True)
    masks = sorted((cohort / "files").glob("*_mask.tif"))
    for mask in masks:
        name = mask.stem.removesuffix("_mask")
        image = Image.open(mask.with_name(f"{name}.tif")).resize((size, size), Image.Resampling.BILINEAR)
        image.save(folder / "imagesTr" / f"{name}_0000.png")
        label = np.asarray(Image.open(mask).resize((size, size), Image.Resampling.NEAREST)) > 0
        Image.fromarray(label.astype(np.uint8)).save(folder / "labelsTr" / f"{name}.png")
    described = {
        "channel_names": {"0": "FLAIR"},
        "labels": {"background": 0, "tumour": 1},
        "numTraining": len(masks),
        "file_ending": ".png",
    }
    (folder / "dataset.json").write_text(json.dumps(described))


def plan(batch: int, prepared: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Plans of the 2-D configuration with this batch, and the dataset; the slices lie prepared."""
    from nnunetv2.experiment_planning.plan_and_preprocess_api import extract_fingerprints, plan_experiments, preprocess

    extract_fingerprints([1], num_processes=1, check_dataset_integrity=False)
    plan_experiments([1])
    preprocess([1], configurations=("2d",), num_processes=(1,))
    folder = prepared / DATASET
    plans = json.loads((folder / "nnUNetPlans.json").read_text())
    plans["configurations"]["2d"]["batch_size"] = batch
    return plans, json.loads((folder / "dataset.json").read_text())


def trainer_of(spec: dict[str, Any], plans: dict[str, Any], dataset: dict[str, Any]) -> Any:
    """The trainer, about to train."""
    import torch
    from nnunetv2.training.nnUNetTrainer.nnUNetTrainer import nnUNetTrainer

    class SameNetwork(nnUNetTrainer):
        """nnU-Net's trainer around the U-Net that we train."""

        @staticmethod
        def build_network_architecture(*_: Any, **__: Any) -> Any:
            from monai.networks.nets.basic_unet import BasicUNet

            width = spec["model"].get("baseline_width", 16)
            features = (width, width, 2 * width, 4 * width, 8 * width, width)
            return BasicUNet(2, 1, 2, features=features, norm=("batch", {"affine": True}))

        def set_deep_supervision_enabled(self, enabled: bool) -> None:
            """It has none."""

    kind = SameNetwork if spec["network"] == "basic_unet" else nnUNetTrainer
    trainer = kind({**plans, "continue_training": False}, "2d", "all", dataset, device=torch.device("cpu"))
    trainer.enable_deep_supervision = spec["network"] != "basic_unet"
    trainer.initialize()
    trainer.on_train_start()
    trainer.on_train_epoch_start()
    return trainer


def measure(spec: dict[str, Any], prepared: Path) -> dict[str, float]:
    """Steps with drawing and augmentation by its loader, and on one batch alone."""
    plans, dataset = plan(spec["batch"], prepared)
    os.environ["nnUNet_n_proc_DA"] = "0"  # noqa: SIM112 - its name; batches are drawn in this process
    trainer, ends, alone = trainer_of(spec, plans, dataset), [], []
    for _ in range(spec["steps"] + WARM):
        batch = next(trainer.dataloader_train)
        trainer.train_step(batch)
        ends.append(time.process_time())
    for _ in range(spec["steps"] // 2):
        began = time.process_time()
        trainer.train_step(batch)
        alone.append(time.process_time() - began)
    steps = [later - earlier for earlier, later in pairwise(ends)][WARM - 1 :]
    parameters = sum(one.numel() for one in trainer.network.parameters())
    return {"step_ms": 1e3 * mean(steps), "passes_ms": 1e3 * median(alone), "parameters": parameters}


def main() -> None:
    """Prepare a folder, measure, print."""
    spec = json.loads(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        for part in ("raw", "preprocessed", "results"):
            os.environ[f"nnUNet_{part}"] = str(Path(name) / part)
        os.environ |= {"nnUNet_n_proc_DA": "1", "nnUNet_compile": "false", "nnUNet_def_n_proc": "1"}
        write_dataset(Path(spec["cohort"]), Path(name) / "raw", spec["size"])
        import torch

        torch.set_num_threads(int(spec.get("threads", 1)))
        figures = measure(spec, Path(name) / "preprocessed")
        print(f"\n{json.dumps(figures)}")


if __name__ == "__main__":
    main()
