"""Maps of where the gene tokens of explained patients look in the image."""

from typing import Any

import numpy as np
import torch

from mgi.commands._explained import Explained, Shown
from mgi.explain.answers import THRESHOLD
from mgi.explain.attention import attention_maps
from mgi.models.mgi import MGI


def attention_rows(explained: Explained) -> list[dict[str, Any]]:
    """Rows of ATTENTION for the first patients with a predicted tumour, on the slice with the most of it."""
    network = explained.network
    if not isinstance(network, MGI):
        return []
    rows: list[dict[str, Any]] = []
    for number, shown in enumerate(explained.shown):
        if shown is None or len(rows) == explained.settings.attention_patients:
            continue
        best = int(shown[1].sum((1, 2, 3)).argmax())
        donor = (number + 1) % len(explained.patients)
        row = _attention_row(explained, network, shown, best, number, donor)
        if row is None:
            return []
        rows.append(row)
    return rows


def _attention_row(
    explained: Explained, network: MGI, shown: Shown, best: int, number: int, donor: int
) -> dict[str, Any] | None:
    """The maps of one slice with own genes, those of the donor, and the null token; None without such a decoder."""
    slices, first = explained.pairs.slices, explained.pairs.slices.rows_of[number][0]
    image, place = shown[0][best : best + 1], int(shown[2][best])
    genes = [explained.seen(one) for one in (number, donor)]
    maps = [attention_maps(network, image, one) for one in (*genes, None)]
    own, other, null = (None if one is None else one[0].float().cpu().numpy() for one in maps)
    if own is None:
        return None
    middle = image[0, explained.weights.model.context_slices].cpu().numpy()
    low, high = np.percentile(middle, [1, 99.5])
    grey = (255 * np.clip((middle - low) / max(high - low, 1e-9), 0, 1)).astype(np.uint8)
    truth = slices.masks[torch.tensor([place])][0, 0] >= THRESHOLD
    return {
        "patient_id": explained.patients[number],
        "slice": place - int(first),
        "side": grey.shape[0],
        "image": grey.tobytes(),
        "truth": truth.numpy().astype(np.uint8).tobytes(),
        "prediction": shown[1][best, 0].cpu().numpy().astype(np.uint8).tobytes(),
        "donor": explained.patients[donor],
        "own": own,
        "other": other,
        "null": null,
    }
