"""True masks and slice counts of patients from the image shard."""

from collections import Counter
from collections.abc import Collection
from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.shards.image_shard import SLICES_FILE, iter_images
from mgi.shards.parquet import opened_parquet
from mgi.tasks.segmentation.dice import Mask


def shard_folder(path: Path | str) -> Path:
    """The folder of an image shard, given itself or its slices file."""
    return Path(path) if Path(path).is_dir() else Path(path).parent


def slices_per_patient(path: Path | str) -> dict[str, int]:
    """How many slices the shard has of each patient."""
    with opened_parquet(shard_folder(path) / SLICES_FILE) as source:
        return dict(Counter(source.read(columns=["patient_id"])["patient_id"].to_pylist()))


def read_masks(path: Path | str, patients: Collection[str]) -> dict[str, Mask]:
    """True masks of the given patients, shape (slices, rows, cols); their pixels are let go one patient at a time.

    Raises BadInputError where a patient is absent or has no mask.
    """
    masks = {}
    for patient in iter_images(shard_folder(path), patients):
        if patient.masks is None:
            raise BadInputError(f"{path}: patient {patient.patient_id} has no mask, expected one to score against")
        masks[patient.patient_id] = patient.masks > 0
    return masks
