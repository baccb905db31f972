"""What a fold's models see of protein arrays: antibodies that enough of its training patients have."""

import numpy as np
from numpy.typing import NDArray

from mgi.core.column_moments import ColumnMoments
from mgi.modalities.fitted_by_moments import fitted_by_moments
from mgi.modalities.fitted_features import FittedFeatures
from mgi.modalities.fitting import FitJob
from mgi.modalities.rppa.selection import drop_reasons
from mgi.modalities.rppa.settings import RppaFitSettings
from mgi.shards.feature_shard import OpenFeatures


def fit(job: FitJob) -> FittedFeatures:
    """The chosen antibodies in the order of the shard, with mean and deviation; a gap is filled with the mean."""
    settings = RppaFitSettings.read(dict(job.settings), where=f"modalities.{job.modality}.fit")
    moments = ColumnMoments(len(job.shard.features))
    for block in job.blocks():
        moments.add(block)
    reasons = drop_reasons(moments, settings)
    return fitted_by_moments(job, moments, reasons)


def transform(shard: OpenFeatures, values: NDArray[np.float32], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Levels (k, K) of some antibodies, as the shard has them."""
    return values[:, columns].astype(np.float64)
