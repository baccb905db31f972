"""Named features of all patients in one folder: values with gaps, the features, and their description.

A value is NaN where it was not measured: an antibody that an older panel lacks, a gene that no segment covers. Who
has no value at all has no row.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import digest_of
from mgi.core.repeats import first_repeated
from mgi.shards.dataset_manifest import dataset_of, read_dataset, write_dataset
from mgi.shards.number_rows import Numbers, read_ids, row_groups, rows_of, write_number_rows
from mgi.shards.parquet import metadata_of, opened_parquet, read_table, require_schema, write_table
from mgi.shards.schemas import FEATURES, feature_values

VALUES_FILE, FEATURES_FILE = "values.parquet", "features.parquet"
KIND = "features"
ALL_GENES = "all_genes"
"""The entry of a description that says that a gene without a feature is mutated in nobody."""
_OWN = ("feature_hash", "unit")

Row = tuple[str, NDArray[np.float32]]
"""A patient's id and values (F,), NaN where not measured."""


def write_feature_values(path: Path | str, features: pd.DataFrame, unit: str, rows: Iterable[Row]) -> None:
    """Write the values of a shard from rows in order of their ids; no more than one row group of them is held.

    `features` has the columns of schemas.FEATURES, a row a column of the values; `unit` says what the values are. The
    file appears when the last row is written. Raises BadInputError where a row breaks the format.
    """
    ids = features["feature_id"].tolist()
    _require_unique(ids, str(path))
    schema = feature_values(len(ids)).with_metadata({"feature_hash": digest_of(ids), "unit": unit})
    write_number_rows(path, schema, _checked(rows, ids))


def _checked(rows: Iterable[Row], ids: Sequence[str]) -> Iterator[Numbers]:
    last = ""
    for patient, values in rows:
        where = f"feature shard: {patient}"
        if patient <= last:
            raise BadInputError(f"{where} after {last}, expected sorted, unique patients")
        if values.shape != (len(ids),) or values.dtype != np.float32:
            raise BadInputError(f"{where}: values {values.dtype} {values.shape}, expected float32 {(len(ids),)}")
        if np.isinf(values).any():
            column = int(np.flatnonzero(np.isinf(values))[0])
            raise BadInputError(f"{where}, {ids[column]}: {values[column]}, expected a number, or NaN for a gap")
        if np.isnan(values).all():
            raise BadInputError(f"{where}: no value in any of {len(ids)} features, expected some, or no row")
        last = patient
        yield patient, (values,)


def describe_features(
    values: Path | str,
    features_file: Path | str,
    dataset: Path | str,
    features: pd.DataFrame,
    *,
    simulated: bool,
    told_apart: bool = True,
    **metadata: Any,
) -> None:
    """Write the features beside finished values, and the description of both last; `metadata` adds entries to it.

    `told_apart` says that no two patients can have the same values unless they are one: not so of counts and classes.
    """
    with opened_parquet(values, sealed=False) as source:
        own, rows = metadata_of(source.schema_arrow, values, list(_OWN)), source.metadata.num_rows
    columns = {field.name: pa.array(features[field.name], field.type, from_pandas=True) for field in FEATURES}
    write_table(features_file, pa.table(columns, schema=FEATURES.with_metadata({"feature_hash": own["feature_hash"]})))
    fields = {"rows": rows, "features": len(features), "simulated": simulated, "told_apart": told_apart, **own}
    write_dataset(dataset, KIND, [values, features_file], {**metadata, **fields})


@dataclass(frozen=True, kw_only=True)
class OpenFeatures:
    """A shard of which all but the values was read and checked; those are read a row group at a time.

    `features` has the columns of schemas.FEATURES, a row a column of the values; `about` is its whole description.
    """

    path: Path
    patient_ids: list[str]
    features: pd.DataFrame
    unit: str
    feature_hash: str
    simulated: bool
    told_apart: bool
    about: dict[str, Any]

    def row_groups(
        self, wanted: Collection[int] | None = None, columns: NDArray[np.int64] | None = None
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float32]]]:
        """Row numbers (k,) and values (k, F), or those of some columns (k, K), in the order of the file.

        `wanted` narrows it to some rows. Raises BadInputError where a value is missing or infinite.
        """
        for rows, found in row_groups(self.path, "values", len(self.features), wanted):
            if np.isinf(found).any():
                row, column = (int(index) for index in np.argwhere(np.isinf(found))[0])
                name = f"{self.patient_ids[rows[row]]}, {self.features['feature_id'].iloc[column]}"
                raise BadInputError(f"{self.path}: {name}: {found[row, column]}, expected a number, or NaN for a gap")
            yield rows, found if columns is None else found[:, columns]

    def of_patients(
        self, patients: Sequence[str], width: int, make: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    ) -> NDArray[np.float32]:
        """What `make` gives of values (k, F), a row of `width` a patient (P, width), in the order of the patients.

        Raises BadInputError naming the first who has no row.
        """
        wanted = np.array(rows_of(self.patient_ids, patients, str(self.path), "row"), np.int64)
        made = np.empty((len(wanted), width), np.float32)
        for rows, values in self.row_groups(set(wanted.tolist())):
            asked = np.flatnonzero(np.isin(wanted, rows))
            made[asked] = make(values)[np.searchsorted(rows, wanted[asked])]
        return made


def open_features(shard: Path | str) -> OpenFeatures:
    """Read and check what a shard says of its patients and features; it is named by its dataset.json or its folder."""
    folder = dataset_of(shard).parent
    about = read_dataset(shard, KIND, ("features", "simulated", "told_apart", *_OWN))
    features = read_table(folder / FEATURES_FILE, FEATURES).to_pandas()
    path = folder / VALUES_FILE
    with opened_parquet(path, sealed=False) as source:
        require_schema(source.schema_arrow, feature_values(len(features)), path)
        own = metadata_of(source.schema_arrow, path, list(_OWN))
        patient_ids = read_ids(path, source)
    for name, found in ((FEATURES_FILE, digest_of(features["feature_id"])), (VALUES_FILE, own["feature_hash"])):
        if found != about["feature_hash"]:
            expected = about["feature_hash"]
            raise IntegrityError(f"{folder / name}: feature_hash {found}, expected {expected}; the features are others")
    _require_unique(features["feature_id"].tolist(), str(folder / FEATURES_FILE))
    return OpenFeatures(
        path=path,
        patient_ids=patient_ids,
        features=features,
        unit=own["unit"],
        feature_hash=str(about["feature_hash"]),
        simulated=about["simulated"] is True,
        told_apart=about["told_apart"] is True,
        about=about,
    )


def _require_unique(ids: Sequence[str], where: str) -> None:
    if (twice := first_repeated(ids)) is not None:
        raise BadInputError(f"{where}: feature_id: {twice} occurs twice, expected unique ids")
