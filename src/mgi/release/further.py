"""What a release holds of each modality that a model reads beside expression: what its fold fitted, and on what.

Two files a modality: NAME.fit.parquet is the fold's own, NAME.features.parquet has all features of the shard, since a
transform may need them all.
"""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from mgi.core.errors import BadInputError
from mgi.core.files import atomic_path
from mgi.modalities.fitted_features import FittedFeatures, read_fitted_features, train_hash_of
from mgi.modalities.new_table import FeatureSpace
from mgi.modalities.registry import modality
from mgi.shards.feature_shard import open_features
from mgi.shards.parquet import metadata_of, read_table, write_table
from mgi.shards.schemas import FEATURES
from mgi.training.weights import Weights

_ABOUT = ("unit", "settings")


@dataclass(frozen=True, kw_only=True)
class Further:
    """One modality: what the fold fitted, the features of its shard, and whether the shard is of simulated patients."""

    fitted: FittedFeatures
    space: FeatureSpace
    simulated: bool = False


@dataclass(frozen=True, kw_only=True)
class FurtherFiles:
    """A modality of a fold in the results, to be released: its fit's file, and what was read of it."""

    fit: Path
    read: Further


def files_of(names: Sequence[str]) -> list[str]:
    """The files of a release that hold these modalities."""
    return [f"{name}.{part}.parquet" for name in sorted(names) for part in ("fit", "features")]


def further_of_fold(results: Path, weights: Weights, where: Path, training: Sequence[str]) -> dict[str, FurtherFiles]:
    """By name the modalities that the weights read beside expression, as their fold fitted them.

    Raises BadInputError where a fit is of other features than the weights or the shard, or of other patients.
    """
    found = {}
    for name in sorted(weights.model.further):
        path = results / f"folds/{weights.run.fold}/{name}.parquet"
        fitted, shard = read_fitted_features(path), open_features(results / f"shards/{name}")
        having = [patient for patient in training if patient in set(shard.patient_ids)]
        if fitted.train_hash != train_hash_of(having):
            raise BadInputError(f"{path}: fitted on other patients than those of fold {weights.run.fold} in the split")
        kind = modality(name)
        settings = {key: shard.about[key] for key in (*kind.shard_keys, *kind.shared_keys) if key in shard.about}
        space = FeatureSpace(modality=name, features=shard.features, unit=shard.unit, settings=settings)
        read = Further(fitted=fitted, space=space, simulated=shard.simulated)
        _check(read, weights, path, where)
        found[name] = FurtherFiles(fit=path, read=read)
    return found


def write_further(folder: Path, further: Mapping[str, FurtherFiles]) -> None:
    """Write both files of each into a release."""
    for name, one in further.items():
        fit, features = (folder / file for file in files_of([name]))
        with atomic_path(fit) as part:
            shutil.copyfile(one.fit, part)
        space = one.read.space
        columns = {field.name: pa.array(space.features[field.name], field.type, from_pandas=True) for field in FEATURES}
        told = {"unit": space.unit, "settings": json.dumps(space.settings, sort_keys=True)}
        write_table(features, pa.table(columns, schema=FEATURES.with_metadata(told)))


def read_further(folder: Path, weights: Weights, where: Path) -> dict[str, Further]:
    """What a release holds; its files were compared with their digests before."""
    found = {}
    for name in sorted(weights.model.further):
        fit, path = (folder / file for file in files_of([name]))
        table = read_table(path, FEATURES, sealed=False)
        about = metadata_of(table.schema, path, list(_ABOUT))
        space = FeatureSpace(
            modality=name,
            features=table.to_pandas(),
            unit=about["unit"],
            settings=json.loads(about["settings"]),
        )
        found[name] = Further(fitted=read_fitted_features(fit, sealed=False), space=space)
        _check(found[name], weights, fit, where)
    return found


def _check(further: Further, weights: Weights, path: Path, where: Path) -> None:
    """Raise BadInputError unless fit, features and weights go together."""
    fitted, space = further.fitted, further.space
    if fitted.feature_hash != space.feature_hash:
        raise BadInputError(f"{path}: feature_hash: found {fitted.feature_hash}, expected {space.feature_hash}")
    if fitted.modality != space.modality or fitted.feature_ids != (weights.modalities or {}).get(space.modality):
        raise BadInputError(f"{path}: found other features of {space.modality} than {where} was trained on")
