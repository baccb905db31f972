"""Expression as a fold scales it, of more patients than fit in memory."""

from collections.abc import Collection, Iterator

import numpy as np
from numpy.typing import NDArray

from mgi.core.scratch_table import block_length
from mgi.modalities.rna.normalise import FittedGenes
from mgi.shards.expression_shard import OpenExpression


def scaled_blocks(
    shard: OpenExpression, fitted: FittedGenes, rows: Collection[int]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
    """Some rows of the shard and what the model reads of them (k, K), in the order of the file.

    A block has as many rows as `block_length` says, so that a cohort that fits in memory is scaled in one piece.
    """
    length = block_length(len(fitted.gene_ids))
    numbers, picked = [np.empty(0, np.int64)], [np.empty((0, len(fitted.gene_ids)), np.float32)]
    waiting = 0
    for group, values in shard.row_groups(wanted=rows):
        numbers.append(group)
        picked.append(values[:, fitted.columns])
        waiting += len(group)
        if waiting >= length:
            yield np.concatenate(numbers), fitted.scale(np.concatenate(picked))
            numbers, picked, waiting = numbers[:1], picked[:1], 0
    if waiting:
        yield np.concatenate(numbers), fitted.scale(np.concatenate(picked))
