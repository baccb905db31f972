"""Which microRNAs a fold's models see, by their rates in its training patients."""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from mgi.core.column_moments import ColumnMoments
from mgi.modalities.mirna.settings import MirnaFitSettings

CONSTANT = "zero variance in training"


def log_rpm(rpm: NDArray[np.floating]) -> NDArray[np.float32]:
    """log2(RPM + 1), as the shard has it."""
    return np.log2(rpm.astype(np.float64) + 1.0).astype(np.float32)


def moments_and_expressed(
    blocks: Iterable[NDArray[np.float32]], n_features: int, min_rpm: float
) -> tuple[ColumnMoments, NDArray[np.int64]]:
    """Mean and variance of log2(RPM + 1) in blocks (k, F), and how many patients reach `min_rpm`."""
    moments, expressed = ColumnMoments(n_features), np.zeros(n_features, np.int64)
    threshold = np.float32(math.log2(min_rpm + 1))
    for block in blocks:
        moments.add(block)
        expressed += (block >= threshold).sum(axis=0)
    return moments, expressed


def drop_reasons(moments: ColumnMoments, expressed: NDArray[np.int64], settings: MirnaFitSettings) -> list[str | None]:
    """Why each microRNA (F,) is dropped: too few training patients express it, or all alike; None where it is kept."""
    enough = max(1, math.ceil(settings.min_share * moments.rows - 1e-9))  # 0.1 * 30 is a little more than 3
    few = f"{settings.min_rpm:g} RPM reached in fewer than {settings.min_share:.0%} of training patients"
    reasons = np.select([expressed < enough, ~(moments.variance > 0)], [few, CONSTANT], "").tolist()
    return [why or None for why in reasons]
