"""Copies of all patients into one shard, on the genes of the first, as the source counts them."""

from collections.abc import Iterator

import numpy as np

from mgi.core.errors import BadInputError
from mgi.modalities.cn.ascat import read_copy_numbers, require_same_genes
from mgi.modalities.sharding import ShardJob
from mgi.modalities.table_shard import features_of, in_order, rows_of_user, table_of_user, write_table_shard
from mgi.shards.feature_shard import Row

COPIES, RELATIVE = "copies", "relative"
UNITS = {COPIES: "copies", RELATIVE: "relative to neutral"}


def shard(job: ShardJob) -> str:
    """Write copies of all patients, the genes, and the description last.

    Two tumours without any change have the same copies, so equal rows are no sign of one patient under two ids.
    """
    if job.lock.table is not None:
        return _of_table(job)
    chosen = in_order(job)
    first = read_copy_numbers(chosen[0].verified_path())

    def rows() -> Iterator[Row]:
        for entry in chosen:
            path = entry.verified_path()
            read = read_copy_numbers(path, like=first)
            require_same_genes(first, read, path)
            yield entry.patient_id, read.copies

    labels = first.labels.to_pydict()
    features = features_of(
        labels["gene_id"], names=labels["gene_name"], chromosomes=labels["chromosome"], starts=labels["start"]
    )
    return write_table_shard(job, features, UNITS[COPIES], rows(), {}, told_apart=False)


def _of_table(job: ShardJob) -> str:
    matrix, about = table_of_user(job)
    scale = str(job.settings.get("scale", COPIES))
    if scale == COPIES and len(odd := np.argwhere(matrix.values < 0)):
        row, column = odd[0].tolist()
        place = f"sample {matrix.samples[row]}, {matrix.features[column]}: found {matrix.values[row, column]:g}"
        raise BadInputError(f"{job.table}: {place}, expected copies of 0 or more; modalities.cn.scale takes relative")
    features = features_of(matrix.features, names=matrix.features, chromosomes=matrix.chromosomes, starts=matrix.starts)
    rows = rows_of_user(job, matrix, lambda values: values)
    return write_table_shard(job, features, UNITS[scale], rows, about | {"scale": scale}, told_apart=False)
