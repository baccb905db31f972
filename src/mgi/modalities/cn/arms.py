"""Which genes lie on an arm of a chromosome.

Where the short arm ends is a fact of the genome (GRCh38; the middles of UCSC's track "Centromeres"). Simulated genes
lie closer together than real ones and reach no centromere: their arms are the halves of what the chromosome's genes
span, a gene that starts in the middle being of the short arm, as the simulation says.
"""

import numpy as np
from numpy.typing import NDArray

from mgi.shards.feature_shard import OpenFeatures

CENTROMERE_BP = {"1": 123_400_000, "19": 26_200_000}


def on_chromosome(shard: OpenFeatures, name: str) -> NDArray[np.bool_]:
    """Which features (F,) lie on a chromosome, `chr` before its name or not."""
    bare = shard.features["chromosome"].astype(object).map(lambda text: str(text).removeprefix("chr"))
    return np.asarray(bare == name, np.bool_)


def on_arm(shard: OpenFeatures, arm: str) -> NDArray[np.bool_]:
    """Which features (F,) lie on an arm such as `1p` or `19q`, and start on it."""
    name, side = arm[:-1], arm[-1]
    there: NDArray[np.bool_] = on_chromosome(shard, name)
    start = shard.features["start"].to_numpy(np.float64, na_value=np.nan)
    there = np.logical_and(there, ~np.isnan(start))
    if not there.any():
        return there
    centre = float(start[there].max()) / 2 if shard.simulated else float(CENTROMERE_BP[name])
    on_side = start <= centre if side == "p" else start > centre
    return np.asarray(there & on_side, np.bool_)
