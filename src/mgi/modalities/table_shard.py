"""A shard of named features from one file a patient, or from a user's table of samples and features."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.cohort.duplicates import DuplicateCheck, digest_of_values
from mgi.core.errors import BadInputError
from mgi.locks.lock import check_table
from mgi.locks.raw_index import RawEntry
from mgi.modalities.sharding import ShardJob
from mgi.shards.feature_shard import Row, describe_features, write_feature_values
from mgi.tables.feature_matrix import FeatureMatrix, read_feature_matrix

Values = NDArray[np.float32]


def write_table_shard(
    job: ShardJob,
    features: pd.DataFrame,
    unit: str,
    rows: Iterable[Row],
    about: Mapping[str, Any],
    *,
    told_apart: bool = True,
) -> str:
    """Write values, features and the description last; what the shard holds, in a few words.

    `rows` come in order of the patients' ids, a few of them in memory at a time. Raises BadInputError where two
    patients have the same values in every feature and are `told_apart` by them.
    """
    written: list[str] = []
    copies = DuplicateCheck(f"{job.lock.modality} in every feature")

    def checked() -> Iterator[Row]:
        for patient, values in rows:
            if told_apart:
                copies.add(patient, digest_of_values(values))
            written.append(patient)
            yield patient, values

    values, described, dataset = (job.outputs[name] for name in ("values", "features", "dataset"))
    write_feature_values(values, features, unit, checked())
    stated: dict[str, Any] = {"modality": job.lock.modality, "source": job.lock.source}
    stated |= {"simulated": job.lock.simulated, "told_apart": told_apart}
    describe_features(values, described, dataset, features, **stated, **about)
    return f"{len(written)} patients, {len(features)} features, {unit}"


def in_order(job: ShardJob) -> list[RawEntry]:
    """What was fetched and can serve, in order of the patients' ids."""
    return sorted(job.usable(), key=lambda entry: entry.patient_id)


def table_of_user(job: ShardJob) -> tuple[FeatureMatrix, dict[str, Any]]:
    """The user's table, which must be the locked one, and what to say of it in the description."""
    path = job.own_table("table")
    table = check_table(Path(path), job.lock.table)
    matrix = read_feature_matrix(path)
    about = {
        "table_sha256": table.sha256,
        "columns_not_used": list(matrix.ignored),
        "features_without_values": list(matrix.empty),
    }
    return matrix, about


def rows_of_user(job: ShardJob, matrix: FeatureMatrix, change: Callable[[Values], Values]) -> Iterator[Row]:
    """The rows of the chosen samples, each as `change` makes it, in order of the patients' ids."""
    row_of = {sample: row for row, sample in enumerate(matrix.samples)}
    for entry in in_order(job):
        if entry.key not in row_of:
            raise BadInputError(f"{job.table}: sample {entry.key}: missing, though the lock lists it")
        yield entry.patient_id, change(matrix.values[row_of[entry.key]])


def require_range(job: ShardJob, matrix: FeatureMatrix, low: float, high: float) -> None:
    """Refuse a user's table that has a value outside of a range, naming sample and feature."""
    odd = np.argwhere((matrix.values < low) | (matrix.values > high))
    if len(odd):
        row, column = odd[0].tolist()
        expected = f"a number from {low:g} to {high:g}" if np.isfinite(high) else f"a number of {low:g} or more"
        place = f"sample {matrix.samples[row]}, {matrix.features[column]}"
        raise BadInputError(f"{job.table}: {place}: found {matrix.values[row, column]:g}, expected {expected}")


def features_of(
    ids: Sequence[str],
    *,
    names: Sequence[str | None] | None = None,
    chromosomes: Sequence[str | None] | None = None,
    starts: Sequence[int | None] | None = None,
    kinds: Sequence[str | None] | None = None,
) -> pd.DataFrame:
    """The table of features (F rows) of a shard; what is not given is unknown."""
    unknown = [None] * len(ids)
    return pd.DataFrame(
        {
            "feature_id": list(ids),
            "name": pd.Series(unknown if names is None else list(names), dtype=object),
            "chromosome": pd.Series(unknown if chromosomes is None else list(chromosomes), dtype=object),
            "start": pd.array(unknown if starts is None else list(starts), dtype="Int64"),
            "kind": pd.Series(unknown if kinds is None else list(kinds), dtype=object),
        }
    )
