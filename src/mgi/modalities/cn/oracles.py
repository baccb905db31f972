"""Labels that copy numbers tell by themselves: codeletion of 1p and 19q, and gain of 7 with loss of 10.

Source: WHO classification of tumours of the central nervous system, 2021: both arms are lost as wholes in
oligodendroglioma; 7 is gained and 10 lost as wholes in glioblastoma.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from mgi.modalities.cn.arms import on_arm, on_chromosome
from mgi.modalities.cn.ploidy import neutral_copies
from mgi.shards.feature_shard import OpenFeatures

WHOLE = 0.8  # share of a region's measured genes
LEAST_MEASURED = 0.5  # share of a region's genes without which nothing is said
CODEL, NON_CODEL = "codel", "non-codel"
YES, NO = "yes", "no"

Shares = NDArray[np.float64]


def labels_of(shard: OpenFeatures) -> dict[str, dict[str, str | None]]:
    """The classes of `codel` and `gain7loss10`, by patient."""
    regions = [on_arm(shard, "1p"), on_arm(shard, "19q"), on_chromosome(shard, "7"), on_chromosome(shard, "10")]
    blocks = [
        np.stack([_shares(values, shard.unit, place) for place in regions]) for values in _values(shard)
    ]  # region side k
    shares = np.concatenate(blocks, axis=-1)
    below, above = 0, 1
    codel = _both(shares[0][below], shares[1][below], CODEL, NON_CODEL)
    gain_loss = _both(shares[2][above], shares[3][below], YES, NO)
    return {
        "codel": dict(zip(shard.patient_ids, codel, strict=True)),
        "gain7loss10": dict(zip(shard.patient_ids, gain_loss, strict=True)),
    }


def _values(shard: OpenFeatures) -> Iterator[NDArray[np.float32]]:
    return (values for _, values in shard.row_groups())


def _shares(values: NDArray[np.float32], unit: str, region: NDArray[np.bool_]) -> Shares:
    """The shares of a region's measured genes with fewer, and with more than the neutral copies (2, k)."""
    own, neutral = values[:, region], neutral_copies(values, unit)
    measured = (~np.isnan(own)).sum(axis=1)
    enough = measured >= max(1, LEAST_MEASURED * own.shape[1])
    counts = np.stack([(own < neutral).sum(axis=1), (own > neutral).sum(axis=1)])
    return np.where(enough, counts / np.maximum(measured, 1), np.nan)


def _both(one: Shares, other: Shares, yes: str, no: str) -> list[str | None]:
    """`yes` where both regions are changed as wholes; None where one is not known and the other does not say no."""
    found: list[str | None] = []
    for pair in zip(one.tolist(), other.tolist(), strict=True):
        if any(share < WHOLE for share in pair):
            found.append(no)
        else:
            found.append(None if any(np.isnan(share) for share in pair) else yes)
    return found
