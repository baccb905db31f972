"""Steps of U-Net's training by our loop, or by a plain MONAI loop, as a process of its own.

    python benchmarks/trainers_trial.py '{"kind": "monai", "cohort": "FOLDER", "size": 64, "batch": 4, "steps": 60,
        "model": {}}'

The last line is the figures, in processor time: `step_ms`, the mean between the ends of two optimiser steps, with all
that draws and changes a batch; `passes_ms`, forward, backward and optimiser on one batch, the median; `parameters`.
"""

import json
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from train_trial import alone_on, monai_loader, stored_slices

from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation import learning
from mgi.tasks.segmentation.batches import SegmentationDrawer
from mgi.training.finetune import finetune
from mgi.training.loop import Randomness, RunContext
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings

WARM, N_GENES = 10, 8  # U-Net reads no genes


def measure_ours(spec: dict[str, Any]) -> dict[str, float]:
    """The project's own loop: prepared files, weighed draws, augmentation, clipping, AdamW."""
    model = learning.build("unet", ModelSettings.read(spec["model"]), N_GENES)
    schedule = {"steps": spec["steps"] + WARM, "batch": spec["batch"]}
    schedule |= {"validate_every": 10**6, "checkpoint_every": 10**6}
    settings = FinetuneSettings.read({"schedule": schedule}, where="finetune")
    randomness, ends = Randomness.seeded(0), []
    with tempfile.TemporaryDirectory() as folder:
        slices = stored_slices(Path(spec["cohort"]), Path(folder), spec["size"])
        pairs = Pairs(slices=slices, genes=torch.zeros(len(slices.patient_ids), N_GENES))
        few = Pairs(slices=slices.of(slices.patient_ids[:1]), genes=pairs.genes[:1])
        hook = register_optimizer_step_post_hook(lambda *_: ends.append(time.process_time()))
        run_context = RunContext(checkpoints=Path(folder) / "ckpt", identity="0", randomness=randomness)
        finetune(model, learning, pairs, few, settings, use_genes=False, context=run_context)
        hook.remove()
        draw = SegmentationDrawer(
            training=pairs, settings=settings, randomness=randomness, use_genes=False, for_gpu=False
        )
        alone = alone_on(model, draw(0), settings, spec["steps"] // 2)
    return {**figures_of(ends, model), "passes_ms": 1e3 * alone["cpu_s"]}


def measure_monai(spec: dict[str, Any]) -> dict[str, float]:
    """As MONAI's tutorials train: CacheDataset, DataLoader, DiceCELoss, Adam; on our U-Net."""
    from monai.losses import DiceCELoss

    model = learning.build("unet", ModelSettings.read(spec["model"]), N_GENES).network
    loader, _ = monai_loader({**spec, "workers": 0, "batches": spec["steps"] + WARM})
    loss_of, optimiser, ends = DiceCELoss(sigmoid=True), torch.optim.Adam(model.parameters(), 1e-3), []
    model.train()

    def step(images: Tensor, masks: Tensor) -> None:
        optimiser.zero_grad()
        loss_of(model(images), masks).backward()
        optimiser.step()

    for batch in loader:
        step(batch["image"], batch["mask"])
        ends.append(time.process_time())
    alone = []
    for _ in range(spec["steps"] // 2):
        began = time.process_time()
        step(batch["image"], batch["mask"])
        alone.append(time.process_time() - began)
    return {**figures_of(ends, model), "passes_ms": 1e3 * median(alone)}


def figures_of(ends: list[float], model: nn.Module) -> dict[str, float]:
    """The mean step once warm: batches lie ready at times, so that single steps say too little."""
    steps = [later - earlier for earlier, later in pairwise(ends)][WARM - 1 :]
    return {"step_ms": 1e3 * mean(steps), "parameters": sum(one.numel() for one in model.parameters())}


def main() -> None:
    """Measure what the specification asks for and print it."""
    spec = json.loads(sys.argv[1])
    torch.set_num_threads(int(spec.get("threads", 1)))
    torch.manual_seed(0)
    spec["model"] = {**spec["model"], "image_size": spec["size"]}
    print(json.dumps({"ours": measure_ours, "monai": measure_monai}[spec["kind"]](spec)))


if __name__ == "__main__":
    main()
