"""A fit whose scale is the mean and the deviation of the training patients' values, gaps being filled with the mean."""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from mgi.core.column_moments import ColumnMoments
from mgi.modalities.fitted_features import FittedFeatures
from mgi.modalities.fitting import FitJob


def fitted_by_moments(job: FitJob, moments: ColumnMoments, reasons: Sequence[str | None]) -> FittedFeatures:
    """The features (F,) without a reason against them, in the order of the shard; `moments` are of what is scaled."""
    columns = np.array([column for column, reason in enumerate(reasons) if reason is None], np.int64)
    mean = moments.mean[columns]
    return job.fitted(
        columns,
        centre=mean,
        deviation=np.sqrt(moments.variance[columns]),
        filler=mean,
        left_out=Counter(reason for reason in reasons if reason is not None),
    )
