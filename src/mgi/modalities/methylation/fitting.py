"""What a fold's models see of methylation: M-values of the most variable probes, by the fold's training patients."""

import logging

import numpy as np
from numpy.typing import NDArray

from mgi.modalities.fitted_by_moments import fitted_by_moments
from mgi.modalities.fitted_features import FittedFeatures
from mgi.modalities.fitting import FitJob
from mgi.modalities.methylation.selection import drop_reasons, m_values, moments_of
from mgi.modalities.methylation.settings import MethylationFitSettings
from mgi.shards.feature_shard import OpenFeatures

_log = logging.getLogger(__name__)


def fit(job: FitJob) -> FittedFeatures:
    """The chosen probes in the order of the array, with mean and deviation of their M-values; every file is read once.

    A gap is filled with the mean.
    """
    settings = MethylationFitSettings.read(dict(job.settings), where=f"modalities.{job.modality}.fit")
    features = job.shard.features
    chromosomes = [one if isinstance(one, str) else None for one in features["chromosome"]]
    if not any(chromosomes) and not settings.sex_chromosomes:
        _log.info("modalities.methylation.positions: not given, so probes of X and Y are not known and stay")
    moments = moments_of(job.blocks(), len(features))
    reasons = drop_reasons(moments, features["feature_id"].tolist(), chromosomes, settings)
    return fitted_by_moments(job, moments, reasons)


def transform(shard: OpenFeatures, values: NDArray[np.float32], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """M-values (k, K) of some probes of beta values (k, F)."""
    return m_values(values[:, columns]).astype(np.float64)
