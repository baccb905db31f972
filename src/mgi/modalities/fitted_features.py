"""What a fold fitted of a table's features on its training patients, and the file of it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import digest_of
from mgi.shards.parquet import metadata_of, read_table, write_table
from mgi.shards.schemas import FITTED_FEATURES

CLIP = 10.0  # deviations; heavy tails reach hundreds
METADATA = ("modality", "feature_hash", "chosen_hash", "train_hash", "n_train", "left_out")
Wide = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class FittedFeatures:
    """The features that models see of a modality (K,), in their order; fitted on the training patients of one fold.

    `columns` picks them out of the shard's. `centre` and `deviation` (above 0) are those of what the modality's
    transform gives, `filler` stands for a gap in it. `feature_hash` is that of all features of the shard, `left_out`
    counts those that are not chosen, by why.
    """

    modality: str
    feature_ids: list[str]
    names: list[str | None]
    kinds: list[str | None]
    columns: NDArray[np.int64]
    centre: Wide
    deviation: Wide
    filler: Wide
    feature_hash: str
    train_hash: str
    n_train: int
    left_out: Mapping[str, int]

    def scaled(self, transformed: Wide) -> NDArray[np.float32]:
        """Transformed values (n, K) with gaps filled, in deviations from the centre, clipped."""
        filled = np.where(np.isnan(transformed), self.filler, transformed)
        return np.clip((filled - self.centre) / self.deviation, -CLIP, CLIP).astype(np.float32)


def train_hash_of(patients: Sequence[str]) -> str:
    """The digest of the set of training patients."""
    return digest_of(sorted(patients))


def write_fitted_features(path: Path | str, fitted: FittedFeatures, made_from: Sequence[Path | str] = ()) -> None:
    """Write the chosen features in the model's order; the shard's features and the patients go in as digests."""
    metadata = {
        "modality": fitted.modality,
        "feature_hash": fitted.feature_hash,
        "chosen_hash": digest_of(fitted.feature_ids),
        "train_hash": fitted.train_hash,
        "n_train": str(fitted.n_train),
        "left_out": json.dumps(fitted.left_out, sort_keys=True),
    }
    metadata["digest"] = _digest_of_metadata(metadata)
    columns = {
        "feature_index": fitted.columns.astype(np.int32),
        "feature_id": fitted.feature_ids,
        "name": fitted.names,
        "kind": fitted.kinds,
        "centre": fitted.centre,
        "deviation": fitted.deviation,
        "filler": fitted.filler,
    }
    arrays = {field.name: pa.array(columns[field.name], field.type, from_pandas=True) for field in FITTED_FEATURES}
    write_table(path, pa.table(arrays, schema=FITTED_FEATURES.with_metadata(metadata)), made_from)


def read_fitted_features(path: Path | str, *, sealed: bool = True) -> FittedFeatures:
    """Read a fold's features; a file that was compared with a digest elsewhere need not be `sealed`.

    Raises IntegrityError where its metadata is not what was written, BadInputError where columns or numbers are none
    that a fit can give.
    """
    table = read_table(path, FITTED_FEATURES, sealed=sealed)
    known = metadata_of(table.schema, path, [*METADATA, "digest"])
    if known["digest"] != _digest_of_metadata(known):
        raise IntegrityError(f"{path}: its metadata is not what was written; delete it and run again")
    if table["feature_id"].null_count or digest_of(table["feature_id"].to_pylist()) != known["chosen_hash"]:
        raise IntegrityError(f"{path}: feature_id: not the features that chosen_hash names; delete it and run again")
    fitted = FittedFeatures(
        modality=known["modality"],
        feature_ids=table["feature_id"].to_pylist(),
        names=table["name"].to_pylist(),
        kinds=table["kind"].to_pylist(),
        columns=table["feature_index"].to_numpy().astype(np.int64),
        centre=table["centre"].to_numpy().astype(np.float64),
        deviation=table["deviation"].to_numpy().astype(np.float64),
        filler=table["filler"].to_numpy().astype(np.float64),
        feature_hash=known["feature_hash"],
        train_hash=known["train_hash"],
        n_train=int(known["n_train"]),
        left_out=json.loads(known["left_out"]),
    )
    _require_numbers(fitted, path)
    return fitted


def _require_numbers(fitted: FittedFeatures, path: Path | str) -> None:
    for name in ("centre", "deviation", "filler"):
        numbers = getattr(fitted, name)
        wrong = ~np.isfinite(numbers) | ((numbers <= 0) if name == "deviation" else False)
        if wrong.any():
            expected = "a number above 0" if name == "deviation" else "a number"
            raise BadInputError(f"{path}: {name}: found {numbers[wrong][0]}, expected {expected}")


def _digest_of_metadata(metadata: Mapping[str, str]) -> str:
    """A digest of the metadata, which page checksums do not cover."""
    return digest_of(metadata[name] for name in METADATA)
