"""Which probes a fold's models see, by M-values of its training patients, and how these are scaled.

M = log2((b + 0.01) / (1 - b + 0.01)) of a beta value b: beta's spread is squeezed near 0 and 1, M's is not (Du et al.
2010, BMC Bioinformatics 11:587). The offset keeps a b of 0 or 1 finite.
"""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from mgi.core.column_moments import ColumnMoments
from mgi.modalities.methylation.settings import MethylationFitSettings

OFFSET = 0.01
CONTROL, SNP, SEX = "control probe", "probe of a polymorphism", "on chromosome X or Y"
CONSTANT = "zero variance in training"
_PREFIXES = {"ctl_": CONTROL, "rs": SNP}
_SEX_CHROMOSOMES = {"X", "Y"}

Wide = NDArray[np.float64]


def m_values(betas: NDArray[np.floating]) -> NDArray[np.float32]:
    """M-values of beta values, NaN where they are; float32 as the shard's values."""
    wide = betas.astype(np.float32)
    found: NDArray[np.float32] = np.log2((wide + np.float32(OFFSET)) / (np.float32(1 + OFFSET) - wide))
    return found


def moments_of(blocks: Iterable[NDArray[np.float32]], n_probes: int) -> ColumnMoments:
    """Mean and variance of the M-values of beta values (k, F) that come in blocks, each looked at once."""
    moments = ColumnMoments(n_probes)
    for block in blocks:
        moments.add(m_values(block))
    return moments


def drop_reasons(
    moments: ColumnMoments,
    probes: Sequence[str],
    chromosomes: Sequence[str | None],
    settings: MethylationFitSettings,
) -> list[str | None]:
    """Why each probe (F,) is dropped, None for the `top_k` of largest variance among those that nothing speaks against.

    `moments` are those of the training patients' M-values. Equal variances rank by the probes' order.
    """
    missing = f"missing in more than {settings.max_missing:.0%} of training patients"
    rules = (
        *((np.array([probe.startswith(start) for probe in probes], bool), why) for start, why in _PREFIXES.items()),
        (on_sex_chromosomes(chromosomes) & (not settings.sex_chromosomes), SEX),
        (moments.missing_share > settings.max_missing, missing),
        (~(moments.variance > 0), CONSTANT),
    )
    reasons = np.select([rule for rule, _ in rules], [why for _, why in rules], "")
    free = np.flatnonzero(reasons == "")
    rank = np.argsort(-moments.variance[free], kind="stable")
    reasons = reasons.astype(object)
    reasons[free[rank[settings.top_k :]]] = f"not among the {settings.top_k} most variable in training"
    return [why or None for why in reasons.tolist()]


def on_sex_chromosomes(chromosomes: Sequence[str | None]) -> NDArray[np.bool_]:
    """Which features lie on X or Y (F,); those whose place is unknown do not count."""
    return np.array([one is not None and one.removeprefix("chr") in _SEX_CHROMOSOMES for one in chromosomes], bool)
