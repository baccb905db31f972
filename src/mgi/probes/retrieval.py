"""Which patient's genes belong to an image: retrieval among the test patients, beside chance."""

import math
from collections.abc import Sequence
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.cohort.split import TEST
from mgi.core.run import EXPRESSION
from mgi.evaluation.intervals import bootstrap_mean
from mgi.probes.inputs import pretraining_of
from mgi.probes.settings import ProbeSettings
from mgi.shards.embedding_file import Embeddings

AT = (1, 5, 10)
IMAGES = ("image", "image_tumour")
ALL_FOLDS = "all"


def retrieval(embeddings: Sequence[Embeddings], settings: ProbeSettings) -> list[dict[str, Any]]:
    """A row a pre-training run, kind of image vector and k: how often the own genes are among the k nearest.

    Further rows pool the patients of all folds of a pre-training and seed. Test patients without either vector are left
    out; `n` counts the others.
    """
    rows, pooled = [], dict[tuple[str, int, str], list[tuple[NDArray[np.int64], int]]]()
    for one in embeddings:
        if np.isnan(one.vectors["genes_projected"]).all():
            continue  # a pre-training that read no expression
        for name in IMAGES:
            rank = _ranks(one, name)
            pooled.setdefault((pretraining_of(one.run), one.run.seed, name), []).append((rank, one.run.fold))
    for (pretraining, seed, name), found in pooled.items():
        several = {str(fold): [rank] for rank, fold in found}
        if len(found) > 1:
            several[ALL_FOLDS] = [rank for rank, _ in found]
        for fold, ranks in several.items():
            common = {"pretraining": pretraining, "run_seed": seed, "fold": fold, "image": name}
            rows += [{**common, **_at(k, ranks, settings)} for k in AT]
    return rows


def retrieval_of_modalities(embeddings: Sequence[Embeddings], settings: ProbeSettings) -> list[dict[str, Any]]:
    """The same for each modality of pre-trainings that read further ones: a row more a modality, over single folds."""
    rows = []
    for one in embeddings:
        columns = {EXPRESSION: "genes", **{name: name for name in one.modalities}} if one.modalities else {}
        for (modality, column), image in product(sorted(columns.items()), IMAGES):
            if np.isnan(one.vectors[f"{column}_projected"]).all():
                continue
            common = {"pretraining": pretraining_of(one.run), "run_seed": one.run.seed, "fold": str(one.run.fold)}
            rank = _ranks(one, image, column)
            rows += [{**common, "modality": modality, "image": image, **_at(k, [rank], settings)} for k in AT]
    return rows


def _at(k: int, ranks: Sequence[NDArray[np.int64]], settings: ProbeSettings) -> dict[str, Any]:
    every = np.concatenate(ranks)
    found = bootstrap_mean(every <= k, settings.bootstrap_draws, settings.seed)
    sizes = np.array([len(one) for one in ranks])
    n = int(sizes.sum())
    return {
        "k": k,
        "n": n,
        "retrieved": found.mean,
        "low": found.low,
        "high": found.high,
        "chance": float(np.minimum(k, sizes).sum()) / n if n else math.nan,
        "mean_rank": float(every.mean()) if n else math.nan,
        "chance_rank": float((sizes * (sizes + 1) / 2).sum()) / n if n else math.nan,
    }


def _ranks(one: Embeddings, name: str, column: str = "genes") -> NDArray[np.int64]:
    """The place of each test patient's own genes among all, from 1, by cosine similarity; ties count against it.

    Another `column` names another modality's vectors.
    """
    images, genes = one.vectors[f"{name}_projected"], one.vectors[f"{column}_projected"]
    known = (~np.isnan(np.concatenate([images, genes], axis=1))).all(axis=1).reshape(-1)
    rows = [row for row, role in enumerate(one.roles) if role == TEST and known[row]]
    likeness = images[rows].astype(np.float64) @ genes[rows].T.astype(np.float64)
    ranks: NDArray[np.int64] = (likeness >= np.diag(likeness)[:, None]).sum(axis=1)
    return ranks
