"""Steps of U-Net's training by our loop, a plain MONAI loop or MONAI's own trainer, as a process of its own.

    python benchmarks/trainers_trial.py '{"kind": "monai", "cohort": "FOLDER", "size": 64, "batch": 4, "steps": 60,
        "model": {}}'

`supervised_trainer` in place of `monai` needs pytorch-ignite on the path. The last line is the figures, in processor
time: `step_ms`, the mean between the ends of two optimiser steps, with all that draws and changes a batch; `passes_ms`,
forward, backward and optimiser on one batch, the median; `parameters`.
"""

import json
import sys
import tempfile
import time
from collections.abc import Iterable
from itertools import islice, pairwise, repeat
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
    loader, model, loss_of, optimiser = monai_parts(spec)
    ends = []
    model.train()

    def step(images: Tensor, masks: Tensor) -> None:
        optimiser.zero_grad()
        loss_of(model(images), masks).backward()
        optimiser.step()

    for batch in islice(loader, spec["steps"] + WARM):
        step(batch["image"], batch["mask"])
        ends.append(time.process_time())
    batch, alone = next(loader), []
    for _ in range(spec["steps"] // 2):
        began = time.process_time()
        step(batch["image"], batch["mask"])
        alone.append(time.process_time() - began)
    return {**figures_of(ends, model), "passes_ms": 1e3 * median(alone)}


def measure_supervised_trainer(spec: dict[str, Any]) -> dict[str, float]:
    """The same parts in MONAI's SupervisedTrainer, left as it is by default: no metric, no handler, decollated."""
    from monai.engines import SupervisedTrainer

    loader, model, loss_of, optimiser = monai_parts(spec)

    def train(batches: Iterable[dict[str, Tensor]], steps: int) -> list[float]:
        ends: list[float] = []
        hook = register_optimizer_step_post_hook(lambda *_: ends.append(time.process_time()))
        SupervisedTrainer(
            device="cpu", max_epochs=1, train_data_loader=batches, network=model, optimizer=optimiser,
            loss_function=loss_of, epoch_length=steps, prepare_batch=lambda batch, *_: (batch["image"], batch["mask"]),
        ).run()  # fmt: skip
        hook.remove()
        return ends

    ends = train(loader, spec["steps"] + WARM)
    alone = train(repeat(next(loader)), spec["steps"] // 2 + 1)
    return {**figures_of(ends, model), "passes_ms": 1e3 * median(later - earlier for earlier, later in pairwise(alone))}


def monai_parts(spec: dict[str, Any]) -> tuple[Any, nn.Module, nn.Module, torch.optim.Optimizer]:
    """MONAI's loader of the batches of a training and of one for passes alone, our U-Net, MONAI's loss and Adam."""
    from monai.losses import DiceCELoss

    model: nn.Module = learning.build("unet", ModelSettings.read(spec["model"]), N_GENES).network
    loader, _ = monai_loader({**spec, "workers": 0, "batches": spec["steps"] + WARM + 1})
    return loader, model, DiceCELoss(sigmoid=True), torch.optim.Adam(model.parameters(), 1e-3)


def figures_of(ends: list[float], model: nn.Module) -> dict[str, float]:
    """The mean step once warm: batches lie ready at times, so that single steps say too little."""
    steps = [later - earlier for earlier, later in pairwise(ends)][WARM - 1 :]
    return {"step_ms": 1e3 * mean(steps), "parameters": sum(one.numel() for one in model.parameters())}


KINDS = {"ours": measure_ours, "monai": measure_monai, "supervised_trainer": measure_supervised_trainer}


def main() -> None:
    """Measure what the specification asks for and print it."""
    spec = json.loads(sys.argv[1])
    torch.set_num_threads(int(spec.get("threads", 1)))
    torch.manual_seed(0)
    spec["model"] = {**spec["model"], "image_size": spec["size"]}
    print(json.dumps(KINDS[spec["kind"]](spec)))


if __name__ == "__main__":
    main()
