"""From expression values to what the gene encoder reads: per gene (z-scores) or per patient (ranks, quantiles).

Z-scores need every gene's training mean and deviation, robust ones its median and median absolute deviation; quantiles
need one distribution, the training patients' mean one; ranks need nothing. Rows of values are patients, columns the
chosen genes (K). As a leakage control the encoder
reads random vectors instead, which name a patient and say nothing else: a model that gains as much from them as from
expression recognises its patients and does not read their genes.
"""

import hashlib
import math
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
import scipy
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.scratch_table import Table, by_columns, column_slices, mean_of_rows

Scaler = Literal["zscore", "robust", "rank", "quantile"]
SCALERS: tuple[Scaler, ...] = ("zscore", "robust", "rank", "quantile")
CLIP = 10.0  # z-scores of heavy-tailed tables reach hundreds
_MAD, _IQR = 1.4826, 1.349  # of a normal distribution: deviation over the first, interquartile range over it
MOST_DECOMPOSED = 1 << 25  # numbers of which the singular values are found at once: 1.3 GB in all
_UNIFORM_DEVIATION = 1 / math.sqrt(12)

Wide = NDArray[np.float64]


def z_scores(values: Wide, mean: Wide, std: Wide) -> Wide:
    """Return the deviations from each gene's mean (K,) in units of its deviation, clipped; 0 where a gene has none."""
    return np.clip((values - mean) / np.where(std > 0, std, np.inf), -CLIP, CLIP)


def robust_centre_and_spread(values: Wide) -> tuple[Wide, Wide]:
    """Return each gene's median over the patients (n, K), and its deviation by the median absolute deviation.

    Where more than half of the patients have one value, by the interquartile range; where that is 0 too, the plain one.
    One patient on another scale moves neither.
    """
    centre = np.median(values, axis=0)
    low, high = np.quantile(values, (0.25, 0.75), axis=0)
    spread = np.median(np.abs(values - centre), axis=0) * _MAD
    spread = np.where(spread > 0, spread, (high - low) / _IQR)
    return centre, np.where(spread > 0, spread, values.std(axis=0))


def ranks(row: Wide) -> Wide:
    """Return one patient's genes by rank, as a uniform variable of mean 0 and deviation 1; ties share their mean
    rank.
    """
    return np.asarray(((scipy.stats.rankdata(row) - 0.5) / len(row) - 0.5) / _UNIFORM_DEVIATION)


def reference_distribution(blocks: Iterable[Wide]) -> Wide:
    """Return the mean over patients of their sorted values (K,), ascending; `blocks` (k, K) hold some patients each."""
    return mean_of_rows(np.sort(some, axis=1) for some in blocks)


def quantiles(row: Wide, reference: Wide) -> Wide:
    """Return one patient's genes on the reference distribution, which is then standardised by its mean and deviation.

    Ties get the reference at their mean rank (between two values by interpolation), so that equal stays equal.
    """
    placed = np.interp(scipy.stats.rankdata(row) - 1, np.arange(len(reference)), reference)
    return z_scores(placed, reference.mean(keepdims=True), reference.std(keepdims=True))


def principal_components(scaled: Table, count: int) -> Wide:
    """Return the directions (K, C) in which the patients (n, K) vary most about their mean, orthonormal.

    What genes share is found by few patients; what is a patient's own is left out (Eckart & Young 1936). What does not
    fit in memory is decomposed by the products of the patients with each other: the same directions, to some 8 digits.
    Raises BadInputError where n patients have fewer than C directions.
    """
    n_patients, n_genes = scaled.shape
    if count >= n_patients:
        raise BadInputError(
            f"modalities.rna.fit.components: found {count}, expected fewer than the {n_patients} patients who train"
        )
    if n_patients * n_genes <= MOST_DECOMPOSED:
        centred = _centred(scaled.columns(slice(None)))
        return np.ascontiguousarray(np.linalg.svd(centred, full_matrices=False)[2][:count].T)
    products = np.zeros((n_patients, n_patients))
    for some in column_slices(scaled):
        centred = _centred(scaled.columns(some))
        products += centred @ centred.T
    top = (n_patients - count, n_patients - 1)
    patients = scipy.linalg.eigh(products, subset_by_index=top, overwrite_a=True)[1][:, ::-1]  # n C
    directions = by_columns(scaled, lambda some: patients.T @ _centred(some)).T  # K C
    return np.ascontiguousarray(np.linalg.qr(directions)[0])


def _centred(values: NDArray[np.floating]) -> Wide:
    wide = values.astype(np.float64)
    return np.asarray(wide - wide.mean(axis=0))


def random_id_vectors(patient_ids: Sequence[str], n_genes: int, seed: int) -> NDArray[np.float32]:
    """Draw standard normal values (P, G), the scale of standardised expression, from each patient's id and the seed.

    A patient has the same vector in pre-training, fine-tuning and the test, whoever else is asked for.
    """
    drawn = np.empty((len(patient_ids), n_genes), np.float32)
    for row, patient in enumerate(patient_ids):
        # The word "fingerprint" is kept: another one would draw other numbers.
        digest = hashlib.sha256(f"fingerprint {seed} {patient}".encode()).digest()
        drawn[row] = np.random.default_rng(int.from_bytes(digest)).standard_normal(n_genes, dtype=np.float32)
    return drawn
