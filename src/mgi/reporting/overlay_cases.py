"""Collects the pixels, truth and predictions of the patients that the report shows."""

from collections.abc import Iterable, Mapping
from pathlib import Path

import pandas as pd

from mgi.core.errors import BadInputError
from mgi.reporting.overlays import OverlayCase, patients_to_show
from mgi.shards.image_shard import PatientImages, read_images
from mgi.tasks.segmentation.dice import Bytes, Mask
from mgi.tasks.segmentation.patient_scores import MGI, own_genes, values_of
from mgi.tasks.segmentation.prediction_file import RunSpec, read_patients, read_spec, read_volumes
from mgi.tasks.segmentation.true_masks import shard_folder

PREFERRED_BASELINES = ("unet", "attention_unet", "resunet", "deeplabv3plus")


def run_specs(predictions: Iterable[Path]) -> dict[Path, RunSpec]:
    """The run behind each prediction file."""
    return {path: read_spec(path) for path in sorted(predictions)}


def overlay_cases(
    specs: Mapping[Path, RunSpec], slices: Path, patients: pd.DataFrame, definition: str
) -> list[OverlayCase]:
    """The best, median and three worst patients of MGI with real genes, each as its lowest seed predicted it.

    Without MGI the first baseline takes its place. One baseline stands beside MGI: U-Net where it was run.
    """
    labels = {spec.label for spec in specs.values()}
    shown = [label for label in (MGI, *PREFERRED_BASELINES) if label in labels][:2]
    if not shown:
        return []
    compared = own_genes(patients)
    genes = "real" if shown[0] == MGI else "none"
    chosen = patients_to_show(values_of(compared, shown[0], genes, definition))
    found: dict[str, dict[str, Bytes]] = {patient: {} for patient in chosen.values()}
    images = read_images(shard_folder(slices), found)
    for path, spec in sorted(specs.items(), key=lambda item: (item[1].seed, item[1].key)):
        label = spec.label
        here = set(read_patients(path)) & {patient for patient in found if label not in found[patient]}
        if label not in shown or not here:
            continue
        for volume in read_volumes(path, {patient: len(images[patient].slices) for patient in here}, patients=here):
            if volume.genes in ("real", "none"):
                found[volume.patient_id][label] = volume.probability
    return [
        OverlayCase(rank, patient, images[patient].slices, _mask_of(images[patient]), found[patient])
        for rank, patient in chosen.items()
    ]


def _mask_of(images: PatientImages) -> Mask:
    if images.masks is None:
        raise BadInputError(f"image shard: patient {images.patient_id} has scores but no mask")
    return images.masks > 0
