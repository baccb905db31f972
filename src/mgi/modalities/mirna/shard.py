"""MicroRNAs of all patients into one shard, on the names of the first, as log2(RPM + 1)."""

from collections.abc import Iterator

import numpy as np

from mgi.modalities.mirna.quantification import read_quantification, require_same_names
from mgi.modalities.mirna.selection import log_rpm
from mgi.modalities.sharding import ShardJob
from mgi.modalities.table_shard import (
    features_of,
    in_order,
    require_range,
    rows_of_user,
    table_of_user,
    write_table_shard,
)
from mgi.shards.feature_shard import Row

UNIT = "log2(RPM+1)"


def shard(job: ShardJob) -> str:
    """Write values of all patients, the microRNAs, and the description last."""
    if job.lock.table is not None:
        matrix, about = table_of_user(job)
        require_range(job, matrix, 0.0, np.inf)
        rows = rows_of_user(job, matrix, log_rpm)
        return write_table_shard(job, features_of(matrix.features), UNIT, rows, about)
    chosen = in_order(job)
    first = read_quantification(chosen[0].verified_path())

    def rows_of_files() -> Iterator[Row]:
        for entry in chosen:
            path = entry.verified_path()
            read = read_quantification(path, like=first)
            require_same_names(first, read, path)
            yield entry.patient_id, log_rpm(read.rpm)

    return write_table_shard(job, features_of(first.names.to_pylist()), UNIT, rows_of_files(), {})
