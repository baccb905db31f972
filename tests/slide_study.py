"""Slides of a study's patients in place of its scans: bags of tiles that follow each patient's first gene."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mgi.core.run import PRETRAINING, Run
from mgi.shards.bags import Bag, bag_writer, describe_files

WIDTH, TILES = 6, 24
MODEL = {"slide_width": 16, "slide_depth": 1, "slide_heads": 2, "max_tiles": 10}
GIMP = {
    "loss": "multi_positive", "slices_per_patient": 2, "masked_patch_weight": 1.0, "triplet_weight": 1.0,
}  # fmt: skip


def bag_of(patient: str, index: int, shift: float = 0.0) -> Bag:
    """Tiles on a grid of five columns, a strip of which has numbers of its own."""
    rng = np.random.default_rng(index)
    rows, columns = np.divmod(np.arange(TILES), 5)
    values = rng.normal(shift, 0.3, (TILES, WIDTH)) + np.sin(rows)[:, None] * np.arange(WIDTH)
    corners = np.stack([columns, rows], 1) * 256
    return Bag(patient_id=patient, slide_id=f"{patient}-DX1", corners=corners, embeddings=values.astype(np.float16))


def write_bags(folder: Path, bags: list[Bag], **stated: Any) -> Path:
    """Write a shard of slides, of which more may be `stated`; its folder is returned."""
    tiles, slides, dataset = (folder / name for name in ("tiles.parquet", "slides.parquet", "dataset.json"))
    bags = sorted(bags, key=lambda one: (one.patient_id, one.slide_id))
    with bag_writer(tiles, bags[0].embeddings.shape[1]) as writer:
        for one in bags:
            writer.add(one)
    rows: list[dict[str, Any]] = [
        {"patient_id": one.patient_id, "slide_id": one.slide_id, "tiles": len(one.corners), "bad_tiles": 0}
        for one in bags
    ]
    width = bags[0].embeddings.shape[1]
    usual: dict[str, Any] = {"encoder": "handmade", "width": width, "tile_px": 256, "mpp": 0.5, "simulated": True}
    describe_files({tiles: writer.sha256()}, slides, dataset, rows, **{**usual, **stated})
    return folder


class SlideStudy:
    """A study whose patients with an image have a slide, but for those `without`.

    `change` may alter a patient's bag before it is written.
    """

    def __init__(
        self,
        study: Any,
        change: Callable[[str, Bag], None] = lambda patient, bag: None,
        *,
        without: Sequence[str] = (),
    ) -> None:
        self.study, self.shard = study, study.folder / "slides"
        bags = []
        for index, patient in enumerate(study.patients):
            if patient not in (*study.role("unpaired_expression"), *without):
                bags.append(bag_of(patient, index, shift=float(index % 2)))
                change(patient, bags[-1])
        write_bags(self.shard, bags)

    def line(self, command: str, key: str = "slides", **settings: object) -> list[str]:
        """The command line of a pre-training on slides, or of what reads its weights."""
        given = {"schedule": self.study.SCHEDULE} | GIMP | settings
        run = Run(task=PRETRAINING, method="mgi", inputs=("slides", "rna"), fold=0, seed=0)
        options = {"run-json": run.as_json(), "image-shard": self.shard}
        if command == "pretrain":
            options |= {"settings": json.dumps(given), "model": json.dumps({**self.study.MODEL, **MODEL})}
        line: list[str] = self.study.line(command, key, **options)
        return [part for part in line if not part.startswith("--prepared")]
