"""Which patient's genes belong to an image: retrieval among the test patients, beside chance."""

import math
from collections.abc import Iterable, Mapping, Sequence
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
GENES = "genes"
"""What the vectors of expression are called."""


def retrieval(embeddings: Sequence[Embeddings], settings: ProbeSettings) -> list[dict[str, Any]]:
    """A row a pre-training run, kind of image vector and k: how often the own genes are among the k nearest.

    Further rows pool the patients of all folds of a pre-training and seed. Test patients without either vector are left
    out; `n` counts the others.
    """
    found: list[_Found] = [
        (one, {}, image, _ranks(one, image))
        for one in embeddings
        for image in IMAGES
        if _has(one, GENES) and one.has(image)
    ]
    return _rows(found, settings)


def retrieval_of_modalities(embeddings: Sequence[Embeddings], settings: ProbeSettings) -> list[dict[str, Any]]:
    """The same for each modality: a row more a modality; none where no pre-training reads others than expression.

    Where one does, those that read expression alone have their rows too, to be compared with it.
    """
    if not any(one.modalities for one in embeddings):
        return []
    found: list[_Found] = []
    for one in embeddings:
        columns = {EXPRESSION: GENES, **{name: name for name in one.modalities}}
        for (modality, column), image in product(sorted(columns.items()), IMAGES):
            if _has(one, column) and one.has(image):
                found.append((one, {"modality": modality}, image, _ranks(one, image, column)))
    return _rows(found, settings)


_Found = tuple[Embeddings, Mapping[str, str], str, NDArray[np.int64]]
"""Vectors, further columns, kind of image vector, and the ranks of its test patients."""


def _rows(found: Iterable[_Found], settings: ProbeSettings) -> list[dict[str, Any]]:
    """Rows of the ranks in each fold, and in all where there are several, of what is alike but for the fold."""
    alike: dict[tuple[Any, ...], list[tuple[str, NDArray[np.int64]]]] = {}
    for one, more, image, rank in found:
        key = pretraining_of(one.run), one.run.seed, tuple(more.items()), image
        alike.setdefault(key, []).append((str(one.run.fold), rank))
    rows = []
    for (pretraining, seed, more, image), ranks in alike.items():
        several = {fold: [rank] for fold, rank in ranks}
        if len(ranks) > 1:
            several[ALL_FOLDS] = [rank for _, rank in ranks]
        for fold, own in several.items():
            common = {"pretraining": pretraining, "run_seed": seed, "fold": fold, **dict(more), "image": image}
            rows += [{**common, **_at(k, own, settings)} for k in AT]
    return rows


def _has(one: Embeddings, column: str) -> bool:
    """Whether the pre-training read this modality."""
    return one.has(f"{column}_projected")


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


def _ranks(one: Embeddings, name: str, column: str = GENES) -> NDArray[np.int64]:
    """The place of each test patient's own genes among all, from 1, by cosine similarity; ties count against it.

    Another `column` names another modality's vectors.
    """
    images, genes = one.vectors[f"{name}_projected"], one.vectors[f"{column}_projected"]
    known = (~np.isnan(np.concatenate([images, genes], axis=1))).all(axis=1).reshape(-1)
    rows = [row for row, role in enumerate(one.roles) if role == TEST and known[row]]
    likeness = images[rows].astype(np.float64) @ genes[rows].T.astype(np.float64)
    ranks: NDArray[np.int64] = (likeness >= np.diag(likeness)[:, None]).sum(axis=1)
    return ranks
