"""Collects the pixels, truth and predictions of the patients that the report shows."""

from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from mgi.core.errors import BadInputError
from mgi.evaluation.cohort_tables import REFERENCE
from mgi.evaluation.expression_inputs import NOT_USED, OWN
from mgi.evaluation.patient_scores import as_trained, values_of
from mgi.shards.image_shard import PatientImages, read_images
from mgi.shards.parquet import run_in
from mgi.tasks.segmentation.dice import Bytes, Mask
from mgi.tasks.segmentation.overlays import OverlayCase, patients_to_show
from mgi.tasks.segmentation.prediction_file import read_patients, read_volumes

PREFERRED_BASELINES = ("unet", "attention_unet", "resunet", "deeplabv3plus")


def overlay_cases(
    predictions: Iterable[Path], image_shard: Path, patients: pd.DataFrame, definition: str
) -> list[OverlayCase]:
    """The best, median and three worst patients of MGI with own genes, each as its lowest seed predicted it.

    Without MGI the first baseline takes its place. One baseline stands beside MGI: U-Net where it was run.
    """
    runs = {path: run_in(path) for path in sorted(predictions)}
    labels = {run.label for run in runs.values()}
    shown = [label for label in (REFERENCE, *PREFERRED_BASELINES) if label in labels][:2]
    if not shown:
        return []
    compared = as_trained(patients)
    given = OWN if shown[0] == REFERENCE else NOT_USED
    chosen = patients_to_show(values_of(compared, shown[0], given, definition))
    found: dict[str, dict[str, Bytes]] = {patient: {} for patient in chosen.values()}
    images = read_images(image_shard, found)
    for path, run in sorted(runs.items(), key=lambda item: (item[1].seed, item[1].key)):
        label = run.label
        here = set(read_patients(path)) & {patient for patient in found if label not in found[patient]}
        if label not in shown or not here:
            continue
        for volume in read_volumes(path, {patient: len(images[patient].slices) for patient in here}, patients=here):
            if volume.expression_input in (OWN, NOT_USED):
                found[volume.patient_id][label] = volume.probability
    return [
        OverlayCase(rank, patient, images[patient].slices, _mask_of(images[patient]), found[patient])
        for rank, patient in chosen.items()
    ]


def _mask_of(images: PatientImages) -> Mask:
    if images.masks is None:
        raise BadInputError(f"image shard: patient {images.patient_id} has scores but no mask")
    return images.masks > 0
