"""What a fold's models see of microRNAs: those that enough of its training patients express."""

import numpy as np
from numpy.typing import NDArray

from mgi.modalities.fitted_by_moments import fitted_by_moments
from mgi.modalities.fitted_features import FittedFeatures
from mgi.modalities.fitting import FitJob
from mgi.modalities.mirna.selection import drop_reasons, moments_and_expressed
from mgi.modalities.mirna.settings import MirnaFitSettings
from mgi.shards.feature_shard import OpenFeatures


def fit(job: FitJob) -> FittedFeatures:
    """The chosen microRNAs in the order of the shard, with mean and deviation of log2(RPM + 1)."""
    settings = MirnaFitSettings.read(dict(job.settings), where=f"modalities.{job.modality}.fit")
    moments, expressed = moments_and_expressed(job.blocks(), len(job.shard.features), settings.min_rpm)
    reasons = drop_reasons(moments, expressed, settings)
    return fitted_by_moments(job, moments, reasons)


def transform(shard: OpenFeatures, values: NDArray[np.float32], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """log2(RPM + 1) (k, K) of some microRNAs, as the shard has it."""
    return values[:, columns].astype(np.float64)
