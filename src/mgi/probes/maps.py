"""Vectors in the plane: two principal components by a fold's training patients, of its test patients."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mgi.cohort.split import TEST, TRAIN, VALIDATION
from mgi.probes.inputs import pretraining_of
from mgi.shards.embedding_file import Embeddings

MAPPED = ("image", "image_tumour", "genes")


def maps(embeddings: Sequence[Embeddings], sites: Mapping[str, str]) -> list[dict[str, Any]]:
    """A row a run, kind of vector and test patient: `x` and `y`, and the shares of the variance of training in them."""
    rows = []
    for one in embeddings:
        for name in (*MAPPED, *one.modalities):
            vectors = one.vectors[name].astype(np.float64)
            if vectors.shape[1] == 0:
                continue  # of nobody: the pre-training read no such modality
            known = (~np.isnan(vectors)).all(axis=1).reshape(-1)
            training, test = (
                [row for row, role in enumerate(one.roles) if role in wanted and known[row]]
                for wanted in ((TRAIN, VALIDATION), (TEST,))
            )
            if len(training) < 3:
                continue
            centre = vectors[training].mean(axis=0)
            _, size, axes = np.linalg.svd(vectors[training] - centre, full_matrices=False)
            shares = size[:2] ** 2 / max((size**2).sum(), 1e-300)
            # The sign of an axis is arbitrary: its largest part is above 0.
            signs = np.sign(axes[np.arange(2), np.abs(axes[:2]).argmax(axis=1)])
            places = (vectors[test] - centre) @ (axes[:2] * signs[:, None]).T
            common = {"pretraining": pretraining_of(one.run), "run_seed": one.run.seed, "fold": one.run.fold}
            rows += [
                {**common, "vectors": name, "patient_id": patient, "site": sites.get(patient),
                 "x": x, "y": y, "x_share": shares[0], "y_share": shares[1]}
                for patient, (x, y) in zip([one.patient_ids[row] for row in test], places.tolist(), strict=True)
            ]  # fmt: skip
    return rows
