"""True masks of patients from the image shard."""

from collections.abc import Collection
from pathlib import Path

from mgi.core.errors import BadInputError
from mgi.shards.image_shard import iter_images
from mgi.tasks.segmentation.dice import Mask


def read_masks(shard: Path, patients: Collection[str]) -> dict[str, Mask]:
    """True masks of the given patients, shape (slices, rows, cols); their pixels are let go one patient at a time.

    Raises BadInputError where a patient is absent or has no mask.
    """
    masks = {}
    for patient in iter_images(shard, patients):
        if patient.masks is None:
            raise BadInputError(f"{shard}: patient {patient.patient_id} has no mask, expected one to score against")
        masks[patient.patient_id] = patient.masks > 0
    return masks
