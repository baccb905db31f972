"""What a fold fitted of features belongs to the shard and the split of its results."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from mgi.cohort.split import SplitRow
from mgi.cohort.tables import write_split
from mgi.modalities.fitted_features import write_fitted_features
from mgi.modalities.fitting import FitJob, fit_features
from mgi.modalities.table_shard import features_of
from mgi.reporting.whole_results import KINDS, fault_of
from mgi.shards.feature_shard import describe_features, open_features, write_feature_values

PATIENTS = [f"TCGA-CS-00{number}" for number in range(10, 20)]
FOLDS = next(kind for kind in KINDS if kind.name == "folds")


def write_shard(results: Path, names: Sequence[str]) -> None:
    values = np.random.default_rng(1).normal(5, 2, (len(PATIENTS), len(names))).astype(np.float32)
    files = [results / "shards/mirna" / name for name in ("values.parquet", "features.parquet", "dataset.json")]
    features = features_of(names)
    write_feature_values(files[0], features, "log2(RPM+1)", zip(PATIENTS, values, strict=True))
    describe_features(*files, features, simulated=True)


def fitted_on(results: Path, train: Sequence[str]) -> Path:
    path = results / "folds/0/mirna.parquet"
    job = FitJob(modality="mirna", shard=open_features(results / "shards/mirna"), train=tuple(train))
    write_fitted_features(path, fit_features(job))
    return path


@pytest.fixture
def results(tmp_path: Path) -> Path:
    write_shard(tmp_path, ["mir-1", "mir-2", "mir-3"])
    roles = ["train"] * 6 + ["validation"] * 2 + ["test"] * 2
    rows = [SplitRow(0, patient, "CS", role) for patient, role in zip(PATIENTS, roles, strict=True)]
    write_split([*rows, SplitRow(0, "TCGA-CS-0099", "CS", "train")], tmp_path / "tables/split.parquet")
    return tmp_path


def test_a_fit_on_the_training_patients_who_have_the_modality_is_right(results: Path) -> None:
    assert fault_of(fitted_on(results, PATIENTS[:6]), FOLDS) is None


def test_a_fit_on_other_patients_is_named(results: Path) -> None:
    said = fault_of(fitted_on(results, PATIENTS[:8]), FOLDS) or ""
    assert "mirna.parquet: train_hash" in said
    assert "--forcerun fit_features" in said


def test_a_fit_of_another_shard_is_named(results: Path) -> None:
    path = fitted_on(results, PATIENTS[:6])
    write_shard(results, ["mir-1", "mir-2", "mir-4"])
    assert "mirna.parquet: feature_hash" in (fault_of(path, FOLDS) or "")


def test_results_that_were_carried_elsewhere_without_their_shard_are_read(results: Path) -> None:
    path = fitted_on(results, PATIENTS[:6])
    (results / "shards/mirna/dataset.json").unlink()
    assert fault_of(path, FOLDS) is None
