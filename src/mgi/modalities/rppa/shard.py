"""Protein levels of all patients into one shard, on all antibodies that any of their panels has."""

import numpy as np

from mgi.modalities.rppa.antibodies import panel_of, read_antibodies
from mgi.modalities.sharding import ShardJob
from mgi.modalities.table_shard import features_of, in_order, rows_of_user, table_of_user, write_table_shard

UNIT = "normalised level"


def shard(job: ShardJob) -> str:
    """Write values of all patients, the antibodies, and the description last."""
    if job.lock.table is not None:
        matrix, about = table_of_user(job)
        rows = rows_of_user(job, matrix, np.ascontiguousarray)
        return write_table_shard(job, features_of(matrix.features), "as given", rows, about)
    chosen = in_order(job)
    samples = [read_antibodies(entry.verified_path()) for entry in chosen]
    panel = panel_of(samples)
    smaller = sum(len(sample.targets) < len(panel.targets) for sample in samples)
    about = {"patients_with_fewer_antibodies": smaller, "targets_with_several_ids": panel.renamed}
    features = features_of(panel.targets, names=panel.agids)
    levels = ((one.patient_id, panel.aligned(sample)) for one, sample in zip(chosen, samples, strict=True))
    said = write_table_shard(job, features, UNIT, levels, about)
    return f"{said}; {smaller} patients on a smaller panel" if smaller else said
