"""One patient's numbers of a modality from a table of the user's, on the features that a model's shard had.

The room of the modality reads the table, as it reads one for a cohort: into a shard of this patient alone. F features.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.files import digest_of
from mgi.core.gene_ids import without_version
from mgi.core.ids import is_patient_id, patient_id_of
from mgi.http.service import Service
from mgi.locks.item import Item
from mgi.locks.lock import Lock
from mgi.modalities.fetching import opened
from mgi.modalities.fitted_features import FittedFeatures
from mgi.modalities.fitting import transform_of
from mgi.modalities.registry import modality
from mgi.modalities.sharding import ShardJob
from mgi.shards.feature_shard import ALL_GENES, OpenFeatures, open_features


@dataclass(frozen=True, kw_only=True)
class FeatureSpace:
    """All features (F rows of schemas.FEATURES) of a shard, and its unit; `settings` are those of its section that
    decide what is stored."""

    modality: str
    features: pd.DataFrame
    unit: str
    settings: Mapping[str, Any] = field(default_factory=dict)

    @property
    def feature_hash(self) -> str:
        """That of the shard."""
        return digest_of(self.features["feature_id"])

    def scaled(self, values: NDArray[np.float32], fitted: FittedFeatures) -> NDArray[np.float32]:
        """What a model reads (K,) of one patient's values (F,), with gaps filled as in training."""
        shard = OpenFeatures(
            path=Path(), patient_ids=[""], features=self.features, unit=self.unit, feature_hash=self.feature_hash,
            simulated=False, told_apart=False, about={},
        )  # fmt: skip
        change = transform_of(self.modality)
        row: NDArray[np.float32] = fitted.scaled(change(shard, values[np.newaxis], fitted.columns))[0]
        return row


@dataclass(frozen=True, kw_only=True)
class NewFeatures:
    """Values (F,) float32 of one sample, NaN where its table has none; `sample` is its label there."""

    sample: str
    values: NDArray[np.float32]


class SampleMissingError(ConfigError):
    """A table has no sample by the patient's name."""


def read_new_features(path: Path, space: FeatureSpace, patient: str | None) -> NewFeatures:
    """Read the sample of `patient` (None: the only one) from a table like the one that the modality's section takes.

    Features are found by id, else by an Ensembl id without its version, else by a name that one of them has alone.
    Raises BadInputError where the table has none of them, ConfigError where `patient` does not name one sample:
    SampleMissingError where none has the name.
    """
    kind = modality(space.modality)
    source, key = next(iter(kind.own_files.items()), (None, ""))
    if source is None:
        raise ConfigError(f"--modality: found {kind.name}, expected a modality that takes a user's table")
    given = {**space.settings, "source": source, key: str(path)}
    with (
        TemporaryDirectory() as folder,
        opened(kind, given, archive=None, table=str(path), serve=_nothing) as (_, found),
    ):
        lock = found.lock(found.discover())
        item = _item_of(lock, patient, path)
        found.check_lock(lock)
        entry = found.verify(item, Path(folder)) or found.fetch(item, Path(folder))
        job = ShardJob(
            lock=replace(lock, items=(item,)),
            raw={item.key: entry},
            outputs={what: Path(folder) / file for what, file in kind.shard_files().items()},
            table=str(path),
            settings=dict(space.settings),
        )
        import_module(kind.sharding).shard(job)
        own = open_features(folder)
        values = own.of_patients(own.patient_ids, len(own.features), lambda read: read)[0]
    return NewFeatures(sample=item.key, values=_aligned(own, values, space, path))


def _aligned(own: OpenFeatures, values: NDArray[np.float32], space: FeatureSpace, path: Path) -> NDArray[np.float32]:
    """The values in the order of the features of `space`."""
    known, ids = space.features, own.features["feature_id"].tolist()
    ways: list[tuple[Sequence[str], Callable[[str], str]]] = [
        (known["feature_id"].tolist(), str),
        (known["feature_id"].tolist(), without_version),
        (_borne_once(known["name"]), str),
    ]
    for wanted, as_known in ways:
        column_of = {as_known(feature): column for column, feature in enumerate(ids)}
        columns = [column_of.get(as_known(feature)) if feature else None for feature in wanted]
        if any(column is not None for column in columns):
            # In a file of all mutations a gene that is not there is mutated in nobody of it.
            absent = 0.0 if own.about.get(ALL_GENES) is True else np.nan
            found = [absent if column is None else values[column] for column in columns]
            return np.array(found, np.float32)
    examples = f"{ids[0]!r}), expected some of the {len(known)} of training (such as {known['feature_id'].iloc[0]!r})"
    raise BadInputError(f"{path}: none of {len(ids)} features of {space.modality} is known (such as {examples}")


def _borne_once(names: pd.Series) -> list[str]:
    """The names, empty where there is none or several features have it."""
    counts = names.value_counts()
    return ["" if pd.isna(name) or counts[name] > 1 else str(name) for name in names]


def _item_of(lock: Lock, patient: str | None, path: Path) -> Item:
    """The sample of the patient: by its whole label, else the chosen one of that patient."""
    if patient is None:
        if len(lock.chosen) == 1:
            return lock.chosen[0]
        raise ConfigError(f"--patient: missing; {path} has {len(lock.chosen)} samples, such as {lock.chosen[0].key!r}")
    exact = [item for item in lock.items if item.key == patient]
    wanted = patient_id_of(patient) if is_patient_id(patient) else patient
    same = exact or [item for item in lock.chosen if item.patient_id == wanted]
    if len(same) != 1:
        raise SampleMissingError(f"--patient: {patient}: none of {len(lock.items)} samples of {path} by that name")
    return replace(same[0], chosen=True)


def _nothing(*_: object) -> AbstractContextManager[Service]:
    raise ConfigError("--modality: found a source that asks a service, expected a table of your own")
