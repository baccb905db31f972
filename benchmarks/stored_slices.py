"""What it costs to draw training batches from prepared files instead of from memory: processor time of a sample.

Both draw the same batches of the same slices in turns; the files are in the page cache, as those of a cohort that fits
in memory. Processor time of the drawing thread, so that other jobs of the machine count little.

    PYTHONPATH=src python benchmarks/stored_slices.py
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import torch
from train_cohort import write_cohort

from mgi.datasets.preparation import prepare_shard
from mgi.datasets.prepared_table import PreparedTable
from mgi.datasets.settings import PreparedSettings
from mgi.datasets.slices import SliceSet, prepare_slices
from mgi.reporting.provenance import machine
from mgi.shards.image_shard import iter_images
from mgi.tasks.segmentation.batches import SegmentationDrawer
from mgi.training.loop import Randomness
from mgi.training.pretrain import Pairs
from mgi.training.settings import FinetuneSettings

SIZES, BATCH, TURNS = (64, 256), 8, 4


def seconds_a_sample(slices: SliceSet, batches: int, *, for_gpu: bool) -> float:
    """Processor seconds of one drawn slice: gathered alone for a GPU, moved and jittered for a processor."""
    settings = FinetuneSettings.read({"schedule": {"steps": 1, "batch": BATCH}}, where="finetune")
    genes = torch.zeros(len(slices.patient_ids), 1)
    draw = SegmentationDrawer(
        training=Pairs(slices=slices, genes=genes),
        settings=settings,
        randomness=Randomness.seeded(0),
        use_genes=True,
        for_gpu=for_gpu,
    )
    draw(0)
    began = time.thread_time()
    for step in range(batches):
        draw(step)
    return (time.thread_time() - began) / batches / BATCH


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--patients", type=int, default=8)
    options.add_argument("--batches", type=int, default=50, help="of each turn")
    args = options.parse_args()
    torch.set_num_threads(1)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        write_cohort(Path(name), args.patients)
        shard = Path(name) / "shard/dataset.json"
        for size in SIZES:
            settings, table = PreparedSettings(image_size=size), Path(name) / f"prepared/{size}/slices.parquet"
            prepare_shard(shard, table, settings, change=None, code="", threads=1)
            volumes = [(one.patient_id, one.slices, one.masks) for one in iter_images(shard)]
            held = prepare_slices(volumes, size)
            stored = PreparedTable(table, shard, settings).slices(held.patient_ids)
            for for_gpu in (False, True):
                best = {"memory": float("inf"), "disk": float("inf")}
                for _ in range(TURNS):
                    for where, slices in (("memory", held), ("disk", stored)):
                        best[where] = min(best[where], seconds_a_sample(slices, args.batches, for_gpu=for_gpu))
                what = "gathered" if for_gpu else "moved and jittered"
                rows.append({"size": size, "what": what, **{one: round(1e6 * best[one], 1) for one in best}})
                print(f"{size} px, {what}: {rows[-1]['memory']} us from memory, {rows[-1]['disk']} us from disk")
    print(machine())
    print(json.dumps(rows))


if __name__ == "__main__":
    main()
