"""How what a fold's models see of a table of features is fitted on the fold's training patients.

The module that a modality names as `fitting` has `fit(job)`, which gives the chosen features with their scale, and
`transform(shard, values, columns)`: what is scaled of values (k, F) of the shard's patients, as float64 (k, K) with NaN
for gaps. `transform` sees whole rows, since a gene's copies mean little without the patient's other genes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.modalities.fitted_features import FittedFeatures, train_hash_of
from mgi.modalities.registry import modality
from mgi.shards.feature_shard import OpenFeatures, open_features

Wide = NDArray[np.float64]


class Transform(Protocol):
    """What is scaled of a shard's values (k, F), for the features in `columns` (K,): float64 (k, K), NaN for gaps."""

    def __call__(self, shard: OpenFeatures, values: NDArray[np.float32], columns: NDArray[np.int64]) -> Wide:
        """The transformed values."""
        ...


@dataclass(frozen=True, kw_only=True)
class FitJob:
    """The patients who train, of those whom the shard has, and what the fit may read beside them.

    `settings` is the section `modalities.<name>.fit`, `beside` has the features files of other modalities by name (see
    Modality.fit_beside).
    """

    modality: str
    shard: OpenFeatures
    train: tuple[str, ...]
    settings: Mapping[str, Any] = field(default_factory=dict)
    beside: Mapping[str, Path] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if len(self.train) < 2:
            found = f"{len(self.train)} training patients with {self.modality}"
            raise BadInputError(f"{self.shard.path}: found {found}, expected 2 or more to fit a scale")

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Values (k, F) of the training patients, in the order of their ids, a row group at a time."""
        train = set(self.train)
        wanted = {row for row, patient in enumerate(self.shard.patient_ids) if patient in train}
        return (values for _, values in self.shard.row_groups(wanted))

    def fitted(
        self,
        columns: NDArray[np.int64],
        *,
        centre: Wide,
        deviation: Wide,
        filler: Wide,
        left_out: Mapping[str, int],
    ) -> FittedFeatures:
        """The features in `columns` (K,), in the model's order, with their scale; `left_out` counts the others by why.

        Raises BadInputError where none is left, and where what is left out and in does not add up to all features.
        """
        if not len(columns):
            why = ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items()))
            raise BadInputError(f"{self.shard.path}: no feature of {self.modality} is left ({why}); change its fit")
        chosen = self.shard.features.iloc[columns]
        assert len(columns) + sum(left_out.values()) == len(self.shard.features)
        return FittedFeatures(
            modality=self.modality,
            feature_ids=chosen["feature_id"].tolist(),
            names=_texts(chosen["name"]),
            kinds=_texts(chosen["kind"]),
            columns=columns,
            centre=centre,
            deviation=np.where(deviation > 0, deviation, 1.0),
            filler=filler,
            feature_hash=self.shard.feature_hash,
            train_hash=train_hash_of(self.train),
            n_train=len(self.train),
            left_out=dict(sorted(left_out.items())),
        )


def fit_features(job: FitJob) -> FittedFeatures:
    """What the room of the modality fits."""
    found: FittedFeatures = import_module(_module_of(job.modality)).fit(job)
    return found


def transform_of(name: str) -> Transform:
    """The transform of a modality's room."""
    found: Transform = import_module(_module_of(name)).transform
    return found


def vectors(shard: OpenFeatures | Path | str, fitted: FittedFeatures, patients: Sequence[str]) -> NDArray[np.float32]:
    """What a model reads of patients (P, K), in their order and in the order of the fit; without NaN.

    Raises BadInputError where the shard has not the features of the fit or a patient has no row.
    """
    opened = shard if isinstance(shard, OpenFeatures) else open_features(shard)
    if opened.feature_hash != fitted.feature_hash:
        found = f"feature_hash {opened.feature_hash}, expected {fitted.feature_hash} as fitted"
        raise BadInputError(f"{opened.path}: {found}; run again with --forcerun fit_features")
    change = transform_of(fitted.modality)
    return opened.of_patients(
        patients, len(fitted.columns), lambda values: fitted.scaled(change(opened, values, fitted.columns))
    )


def _texts(column: pd.Series) -> list[str | None]:
    return [None if pd.isna(text) else str(text) for text in column]


def _module_of(name: str) -> str:
    module = modality(name).fitting
    if module is None:
        raise BadInputError(f"modality {name}: nothing of it is fitted, expected one whose room has a fitting module")
    return module
