"""One trial of the data path, ours or MONAI's, or of the training step of one method, as a process of its own.

    python benchmarks/train_trial.py '{"kind": "ours", "cohort": "FOLDER", "size": 64, "batch": 4, "batches": 200}'
    python benchmarks/train_trial.py '{"kind": "monai", "cohort": "FOLDER", "size": 64, "batch": 4, "batches": 40,
        "workers": 0}'
    python benchmarks/train_trial.py '{"kind": "step", "method": "unet", "model": {}, "batch": 4, "steps": 6,
        "rounds": 3}'

Further keys of ours and of a step: `device` (cpu); of a step: `precision` (float32), `compile` (false). The last line
is the figures.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import pandas  # noqa: F401 - pyarrow loads it in its first call; the time of imports counts for neither side
import pyarrow.parquet as pq
import torch
from torch import nn
from torch.optim.optimizer import register_optimizer_step_post_hook
from train_cohort import write_cohort

from mgi.core.prefetch import map_ahead
from mgi.datasets.preparation import prepare_shard
from mgi.datasets.prepared_table import PreparedTable
from mgi.datasets.settings import AugmentSettings, PreparedSettings
from mgi.datasets.slices import SliceSet
from mgi.models.mgi import MGI
from mgi.models.settings import ModelSettings
from mgi.tasks.segmentation import learning
from mgi.tasks.segmentation.batches import SegmentationBatch, SegmentationDrawer
from mgi.training.finetune import finetune, forward, parameter_groups
from mgi.training.loop import BATCHES_AHEAD, Randomness, RunContext
from mgi.training.optimiser import GRADIENT_NORM, make_optimiser, precision_of
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings

N_GENES, PATIENTS = 1_544, 12
WARM = 2  # batches, steps


def measure_ours(spec: dict[str, Any]) -> dict[str, Any]:
    """Slices a second from the shard to prepared files, and samples a second from those to augmented batches.

    The files lie in the page cache, as those of a cohort that fits in memory. As in the training loop batches are drawn
    in a thread of its own, and changed there on a CPU, else where the network computes (`device`). `handed_per_s` is
    drawing and gathering alone: all that is left to the CPU beside a GPU.
    """
    began = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        slices = stored_slices(Path(spec["cohort"]), Path(folder), spec["size"], spec.get("threads", 1))
        return {"decoded_per_s": len(slices.patient) / (time.perf_counter() - began), **rates(slices, spec)}


def rates(slices: SliceSet, spec: dict[str, Any]) -> dict[str, float]:
    """Samples a second, as handed to a GPU and augmented where the network computes."""
    genes = torch.zeros(len(slices.patient_ids), N_GENES)
    batch, device = spec["batch"], torch.device(spec.get("device", "cpu"))
    settings = FinetuneSettings.read({"schedule": {"steps": 1, "batch": batch}}, where="finetune")
    draw, hand = (
        SegmentationDrawer(
            training=Pairs(slices=slices, genes=genes),
            settings=settings,
            randomness=Randomness.seeded(0),
            use_genes=True,
            for_gpu=for_gpu,
        )
        for for_gpu in (device.type == "cuda", True)
    )
    handed_s = seconds_a_batch(lambda: hand(0), spec["batches"], device)
    steps = range(WARM + spec["batches"] + BATCHES_AHEAD + 1)  # as many lie ready at the end as at the beginning
    drawn = map_ahead(draw, steps, threads=1, ahead=BATCHES_AHEAD)
    drawn_s = seconds_a_batch(lambda: next(drawn).on(device).augmented(), spec["batches"], device)
    return {"handed_per_s": batch / handed_s, "drawn_per_s": batch / drawn_s}


def stored_slices(cohort: Path, folder: Path, size: int, threads: int = 1) -> SliceSet:
    """A drawn cohort's slices, prepared and read from files as every training has them."""
    shard, table, settings = cohort / "shard/dataset.json", folder / "slices.parquet", PreparedSettings(image_size=size)
    prepare_shard(shard, table, settings, change=None, code="", threads=threads)
    return PreparedTable(table, shard, settings).slices(pq.read_table(table)["patient_id"].to_pylist())


def measure_monai(spec: dict[str, Any]) -> dict[str, Any]:
    """The same of a plain PyTorch loop over a CacheDataset, which holds what comes before the first random change."""
    loader, decoded_per_s = monai_loader({**spec, "batches": spec["batches"] + WARM})
    for _ in range(WARM):
        next(loader)
    # Workers run ahead: single batches may lie ready, so the mean counts and not the best.
    began = time.perf_counter()
    taken = sum(len(batch["image"]) for batch in loader)
    return {"decoded_per_s": decoded_per_s, "drawn_per_s": taken / (time.perf_counter() - began)}


def monai_loader(spec: dict[str, Any]) -> tuple[Any, float]:
    """`batches` batches of image and mask by MONAI's data path, and slices a second that it decoded before."""
    import numpy as np
    from monai import transforms as t
    from monai.data import CacheDataset, DataLoader, set_track_meta
    from torch.utils.data import WeightedRandomSampler

    set_track_meta(False)  # the quicker way, and nothing here asks where a pixel came from
    keys, size, ranges = ["image", "mask"], spec["size"], AugmentSettings()
    files = sorted((Path(spec["cohort"]) / "files").glob("*[0-9].tif"))
    listed = [{"image": str(path), "mask": str(path.with_name(f"{path.stem}_mask.tif"))} for path in files]
    steps: list[Any] = [
        t.LoadImaged(keys, reader="PILReader", ensure_channel_first=True),
        t.NormalizeIntensityd("image", nonzero=True),
        t.ScaleIntensityd("mask"),
        t.Resized(keys, (size, size), mode=("bilinear", "bilinear")),
        t.EnsureTyped(keys, dtype=torch.float32),
        t.RandAffined(
            keys,
            prob=1.0,
            rotate_range=float(np.radians(ranges.rotation)),
            scale_range=ranges.scale,
            mode=("bilinear", "bilinear"),
            padding_mode=("border", "zeros"),
        ),
        t.RandFlipd(keys, prob=0.5, spatial_axis=0),
        t.RandScaleIntensityd("image", factors=ranges.jitter, prob=1.0),
        t.RandShiftIntensityd("image", offsets=ranges.jitter, prob=1.0),
    ]
    began = time.perf_counter()
    dataset = CacheDataset(listed, t.Compose(steps), num_workers=max(1, spec["workers"]), progress=False)
    loaded_s = time.perf_counter() - began
    area = torch.stack([item["mask"].sum() for item in dataset._cache])
    samples = spec["batch"] * spec["batches"]
    sampler = WeightedRandomSampler((area + 0.1 * area.mean()).tolist(), samples)
    loader = DataLoader(dataset, batch_size=spec["batch"], sampler=sampler, num_workers=spec["workers"])
    return iter(loader), len(files) / loaded_s


def seconds_a_batch(make: Callable[[], object], batches: int, device: torch.device) -> float:
    """Mean seconds of a batch, after the first ones."""
    for _ in range(WARM):
        make()
    began = now(device)
    for _ in range(batches):
        make()
    return (now(device) - began) / batches


def measure_step(spec: dict[str, Any]) -> dict[str, Any]:
    """The project's own loop, and on one of its batches the same network's passes alone, in turns.

    `loop_s` lies between the ends of two optimiser steps of the loop, `passes_s` is forward and backward, `whole_s`
    those with clipping and the optimiser's step; the best of all rounds. `wait` is the loop's share of time in which
    it waited for a batch.
    """
    device, sizes = torch.device(spec.get("device", "cpu")), ModelSettings.read(spec["model"])
    schedule = {"steps": spec["steps"] + WARM, "batch": spec["batch"], "precision": spec.get("precision", "float32")}
    schedule |= {"validate_every": 10**6, "checkpoint_every": 10**6}
    settings = FinetuneSettings.read({"schedule": schedule, "gene_noise": 0.5}, where="finetune")
    torch.manual_seed(0)
    model = learning.build(spec["method"], sizes, N_GENES).to(device)
    if spec.get("compile"):
        compile_whole(model)
    drawn = tempfile.TemporaryDirectory()
    pairs, few = drawn_pairs(Path(drawn.name), sizes.image_size)
    best = {"loop_s": float("inf"), "passes_s": float("inf"), "whole_s": float("inf")}
    waits = []
    for turn in range(spec["rounds"]):
        randomness = Randomness.seeded(turn)
        ends: list[float] = []
        hook = register_optimizer_step_post_hook(lambda *_, ends=ends: ends.append(now(device)))
        with tempfile.TemporaryDirectory() as folder:
            run_context = RunContext(checkpoints=Path(folder) / "ckpt", identity=str(turn), randomness=randomness)
            curve = finetune(model, learning, pairs, few, settings, use_genes=True, context=run_context)
        hook.remove()
        waits.append(curve[-1]["data_wait"])
        steps = [later - earlier for earlier, later in pairwise(ends)][WARM - 1 :]
        draw = SegmentationDrawer(
            training=pairs,
            settings=settings,
            randomness=randomness,
            use_genes=True,
            for_gpu=device.type == "cuda",
        )
        alone = alone_on(model, draw(0).on(device), settings, spec["steps"])
        found = {"loop_s": min(steps), "passes_s": alone["passes_s"], "whole_s": alone["whole_s"]}
        best = {name: min(best[name], found[name]) for name in best}
    drawn.cleanup()
    return {**best, "wait": sum(waits) / len(waits)}


def alone_on(model: nn.Module, batch: SegmentationBatch, settings: FinetuneSettings, steps: int) -> dict[str, float]:
    """Best seconds of forward and backward on one augmented batch, and of those with clipping and the optimiser."""
    device = batch.channels.device
    images, masks = batch.augmented()
    optimiser = make_optimiser(parameter_groups(model, settings), settings.schedule)
    context = precision_of(settings.schedule.precision, device, where="finetune.schedule")
    model.train()
    passes, whole, of_processor = [], [], []
    for _ in range(steps + WARM):
        optimiser.zero_grad(set_to_none=True)
        began, began_cpu = now(device), time.process_time()
        with context():
            logits = forward(model, images, batch.genes, batch.patient, batch.has_genes, None)
            loss = learning.segmentation_loss(logits.float(), masks)
        loss.backward()
        passes.append(now(device) - began)
        nn.utils.clip_grad_norm_(model.parameters(), GRADIENT_NORM)
        optimiser.step()
        whole.append(now(device) - began)
        of_processor.append(time.process_time() - began_cpu)
    return {"passes_s": min(passes[WARM:]), "whole_s": min(whole[WARM:]), "cpu_s": median(of_processor[WARM:])}


def now(device: torch.device) -> float:
    """Seconds, when all that was asked of the device is done."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter()


def compile_whole(model: nn.Module) -> None:
    """Compile in place what is dense and of fixed shape: all of a plain network, MGI's transformer and decoder."""
    parts = [model.image_encoder.vit, model.decoder] if isinstance(model, MGI) else [model.network]
    for part in parts:
        part.compile()


def drawn_pairs(folder: Path, size: int) -> tuple[Pairs, Pairs]:
    """Drawn patients to train on, and the first of them, with noise for genes."""
    write_cohort(folder, PATIENTS)
    slices = stored_slices(folder, folder / "prepared", size)
    genes = torch.randn(PATIENTS, N_GENES, generator=torch.Generator().manual_seed(0))
    few = slices.of(slices.patient_ids[:1])
    return Pairs(slices=slices, genes=genes), Pairs(slices=few, genes=genes[:1])


KINDS = {"ours": measure_ours, "monai": measure_monai, "step": measure_step}


def main() -> None:
    """Measure what the specification asks for and print it."""
    spec = json.loads(sys.argv[1])
    torch.set_num_threads(int(spec.get("threads", 1)))
    print(json.dumps(KINDS[spec["kind"]](spec)))


if __name__ == "__main__":
    main()
