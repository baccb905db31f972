"""A drawn cohort as the training half meets it, an image shard, and the same slices as files for the peer."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.image_shard import KIND, SLICES_FILE, PatientImages, image_shard_writer

SIDE = 256
SLICES_EACH = 40  # about as many as a patient of the Kaggle archive has


def write_cohort(folder: Path, patients: int) -> None:
    """`shard/` by the project's writer; `files/`, an 8-bit TIFF for each slice and each mask, as the archive has."""
    (folder / "files").mkdir(parents=True)
    (folder / "shard").mkdir()
    rng = np.random.default_rng(0)
    with image_shard_writer(folder / "shard" / SLICES_FILE) as writer:
        for number in range(patients):
            name = f"TCGA-XX-{number:04d}"
            slices, masks = drawn_volume(rng)
            writer.add(
                PatientImages(
                    patient_id=name, slices=slices, masks=masks, spacing_mm=None, positions_mm=None, source="drawn"
                )
            )
            for place, (pixels, mask) in enumerate(zip(slices, masks, strict=True)):
                Image.fromarray(pixels).save(folder / "files" / f"{name}_{place:02d}.tif")
                Image.fromarray(mask * 255).save(folder / "files" / f"{name}_{place:02d}_mask.tif")
    write_dataset(folder / "shard/dataset.json", KIND, [folder / "shard" / SLICES_FILE], {"simulated": True})


def drawn_volume(rng: np.random.Generator) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """A grey disc in the dark with noise, and a bright ball in the middle third of its slices."""
    rows, columns = np.mgrid[:SIDE, :SIDE]
    head = (rows - SIDE / 2) ** 2 + (columns - SIDE / 2) ** 2 < (0.4 * SIDE) ** 2
    y, x = rng.uniform(0.4 * SIDE, 0.6 * SIDE, 2)
    depth = (np.arange(SLICES_EACH) - SLICES_EACH / 2) * SIDE / SLICES_EACH
    masks = (rows - y) ** 2 + (columns - x) ** 2 + depth[:, None, None] ** 2 < (0.15 * SIDE) ** 2
    noisy = rng.normal(100, 12, (SLICES_EACH, SIDE, SIDE)) * head + 70 * masks
    return np.clip(noisy, 0, 255).astype(np.uint8), masks.astype(np.uint8)
