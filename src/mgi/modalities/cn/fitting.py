"""What a fold's models see of copy numbers: copies beyond the neutral ones, in the training patients' deviations."""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.core.column_moments import ColumnMoments
from mgi.core.gene_ids import UNPLACED, place_of, without_version
from mgi.modalities.cn.ploidy import beyond_neutral
from mgi.modalities.cn.settings import CnFitSettings
from mgi.modalities.fitted_features import FittedFeatures
from mgi.modalities.fitting import FitJob
from mgi.shards.feature_shard import OpenFeatures
from mgi.shards.parquet import read_table
from mgi.shards.schemas import GENES

NOT_SHARED, NOT_MEASURED = "not in the expression shard", "in no segment of any training patient"
ALIKE = "with the copies of its neighbour in every training patient"


def fit(job: FitJob) -> FittedFeatures:
    """The genes in the order of the expression shard, or by position; neutral is 0 and a gap the training mean."""
    settings = CnFitSettings.read(dict(job.settings), where=f"modalities.{job.modality}.fit")
    beside = list(job.beside.values()) if settings.genes == "shared" else []
    wanted = shared_genes(job.shard, beside[0]) if beside else by_position(job.shard)
    moments = ColumnMoments(len(job.shard.features))
    for block in job.blocks():
        moments.add(beyond_neutral(block, job.shard.unit))
    measured = moments.count > 0
    columns = wanted[measured[wanted]]
    left_out = Counter({NOT_SHARED: len(job.shard.features) - len(wanted), NOT_MEASURED: len(wanted) - len(columns)})
    if settings.merge:
        repeated = _repeated(job, columns)
        left_out[ALIKE] = len(repeated)
        columns = columns[~np.isin(columns, repeated)]
    return job.fitted(
        columns,
        centre=np.zeros(len(columns)),
        deviation=np.sqrt(moments.variance[columns]),
        filler=moments.mean[columns],
        left_out={reason: count for reason, count in left_out.items() if count},
    )


def transform(shard: OpenFeatures, values: NDArray[np.float32], columns: NDArray[np.int64]) -> NDArray[np.float64]:
    """Copies beyond the patient's neutral ones (k, K), NaN where not measured."""
    return beyond_neutral(values, shard.unit)[:, columns].astype(np.float64)


def shared_genes(shard: OpenFeatures, genes_file: Path) -> NDArray[np.int64]:
    """The columns of the genes that expression has too, in its order: by id without version, else by name.

    A name is looked up where the shard has names for ids, as a user's table may.
    """
    genes = read_table(genes_file, GENES).to_pandas()
    ids = list(map(without_version, shard.features["feature_id"]))
    found = _places(map(without_version, genes["gene_id"]), ids)
    return found if len(found) else _places(genes["gene_name"], shard.features["feature_id"].tolist())


def by_position(shard: OpenFeatures) -> NDArray[np.int64]:
    """All columns: chromosomes 1 to 22, others by name, and genes without a place last."""
    places = [
        UNPLACED if pd.isna(chromosome) or pd.isna(start) else place_of(str(chromosome), float(start))
        for chromosome, start in zip(shard.features["chromosome"], shard.features["start"], strict=True)
    ]
    return np.array(sorted(range(len(places)), key=places.__getitem__), np.int64)


def _repeated(job: FitJob, columns: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the columns whose values are those of the one before it on the genome, in all training patients."""
    order = by_position(job.shard)
    order = order[np.isin(order, columns)]
    alike = np.ones(max(0, len(order) - 1), bool)
    for block in job.blocks():
        values = beyond_neutral(block, job.shard.unit)[:, order]
        left, right = values[:, :-1], values[:, 1:]
        alike &= ((left == right) | (np.isnan(left) & np.isnan(right))).all(axis=0)
    return order[1:][alike]


def _places(wanted: Iterable[str], known: Sequence[str]) -> NDArray[np.int64]:
    row_of: dict[str, int] = {}
    for row, gene in enumerate(known):
        row_of.setdefault(gene, row)
    found = dict.fromkeys(row_of[gene] for gene in wanted if gene in row_of)
    return np.array(list(found), np.int64)
