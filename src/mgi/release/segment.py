"""One new patient through a released model, by the same path as the patients that it was tested on."""

import numpy as np
import torch
from numpy.typing import NDArray

from mgi.datasets.slices import prepare_slices
from mgi.release.package import Release
from mgi.shards.image_shard import PatientImages
from mgi.tasks.expression_inputs import ExpressionInput
from mgi.tasks.segmentation.learning import predict
from mgi.training.pretrain import Pairs
from mgi.training.settings import PredictSettings


def segment_patient(
    release: Release, images: PatientImages, scaled: NDArray[np.float32] | None, device: torch.device
) -> NDArray[np.uint8]:
    """floor(256 p) of every voxel (S, H, W) on the grid of `images`.

    `scaled` (K,) are the patient's genes as the model reads them; None gives the null token, or nothing to a model
    without genes.
    """
    genes = torch.zeros(1, len(release.fitted.gene_ids)) if scaled is None else torch.from_numpy(scaled).unsqueeze(0)
    sizes = release.weights.model
    volume = [(images.patient_id, images.slices, None)]
    slices = prepare_slices(volume, sizes.image_size, sizes.context_slices, sizes.image_crop)
    pairs = Pairs(slices=slices, genes=genes)
    given = ExpressionInput(name="new", genes=genes, donors=[None], use_genes=scaled is not None)
    ((_, planes),) = predict(release.network.to(device), pairs, given, PredictSettings())
    return np.stack(planes)
