"""What a fold's models see of mutations: the genes that are mutated in enough of its training patients, and how many
variants a tumour has."""

import math
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from mgi.core.column_moments import ColumnMoments
from mgi.modalities.fitted_features import FittedFeatures
from mgi.modalities.fitting import FitJob
from mgi.modalities.mutation.settings import MutationFitSettings
from mgi.modalities.mutation.tumour import BURDEN_KIND, GENE_KIND
from mgi.shards.feature_shard import OpenFeatures

HOTSPOT = "a residue of a gene, which counts as the gene"


def fit(job: FitJob) -> FittedFeatures:
    """The genes in the order of the shard, as 0 and 1, then log10(variants + 1); a gap is the training mean."""
    settings = MutationFitSettings.read(dict(job.settings), where=f"modalities.{job.modality}.fit")
    everything = np.arange(len(job.shard.features))
    moments = ColumnMoments(len(everything))
    for block in job.blocks():
        moments.add(transform(job.shard, block, everything).astype(np.float32))
    kinds = job.shard.features["kind"].to_numpy(object)
    mutated = np.rint(np.nan_to_num(moments.mean) * moments.count)
    enough = np.array([max(1, math.ceil(settings.min_share * count - 1e-9)) for count in moments.count.tolist()])
    few = f"mutated in fewer than {settings.min_share:.0%} of training patients"
    reasons = np.select(
        [(kinds == GENE_KIND) & (mutated < enough), (kinds != GENE_KIND) & (kinds != BURDEN_KIND)], [few, HOTSPOT], ""
    ).tolist()
    columns = np.array([column for column, reason in enumerate(reasons) if not reason], np.int64)
    return job.fitted(
        columns,
        centre=np.zeros(len(columns)),
        deviation=np.ones(len(columns)),
        filler=np.nan_to_num(moments.mean[columns]),
        left_out=Counter(reason for reason in reasons if reason),
    )


def transform(shard: OpenFeatures, values: NDArray[np.float32], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """0 or 1, and log10(variants + 1) (k, K)."""
    chosen = values[:, columns].astype(np.float64)
    burden = (shard.features["kind"] == BURDEN_KIND).to_numpy()[columns]
    chosen[:, burden] = np.log10(chosen[:, burden] + 1.0)
    return chosen
