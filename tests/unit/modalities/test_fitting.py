"""What a fold fits of a table of features, and the vectors of patients by it."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from mgi.cli import main
from mgi.cohort.settings import SplitSettings
from mgi.cohort.split import split_patients
from mgi.cohort.tables import patients_with_role, read_split, write_split
from mgi.core.errors import BadInputError, IntegrityError
from mgi.modalities import registry
from mgi.modalities.fitted_features import FittedFeatures, read_fitted_features, write_fitted_features
from mgi.modalities.fitting import FitJob, fit_features, vectors
from mgi.modalities.modality import Modality
from mgi.shards.feature_shard import OpenFeatures, describe_features, open_features, write_feature_values
from several_modalities import standardised

PATIENTS = [f"TCGA-DU-{index:04d}" for index in range(40)]
VALUES = np.random.default_rng(1).normal(3.0, 2.0, (40, 6)).astype(np.float32)
VALUES[::4, 1] = np.nan
VALUES[:, 5] = 7.0


def doubled(shard: OpenFeatures, values: Any, columns: Any) -> Any:
    return 2.0 * values[:, columns].astype(np.float64)


def fit(job: FitJob) -> FittedFeatures:
    """All features but the first, the last one first."""
    return standardised(job, np.array([5, 4, 3, 2, 1]), {"the first": 1, **dict.fromkeys(job.settings, 0)})


@pytest.fixture(autouse=True)
def _own_room(monkeypatch: pytest.MonkeyPatch) -> None:
    room = ModuleType("own_room")
    room.fit, room.transform = fit, doubled  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "own_room", room)
    monkeypatch.setattr(registry, "_registered", {})
    kind = {"shard_format": "table", "settings": "m:S", "fetching": "m", "sharding": "m"}
    registry.register(Modality(name="own", fitting="own_room", **kind))  # type: ignore[arg-type]
    registry.register(Modality(name="unfitted", **kind))  # type: ignore[arg-type]


@pytest.fixture
def shard(tmp_path: Path) -> OpenFeatures:
    names = [f"f{index}" for index in range(6)]
    table = pd.DataFrame({"feature_id": names, "name": names, "chromosome": None, "start": None, "kind": None})
    paths = [tmp_path / name for name in ("values.parquet", "features.parquet", "dataset.json")]
    write_feature_values(paths[0], table, "x", zip(PATIENTS, VALUES, strict=True))
    describe_features(*paths, table, simulated=False)
    return open_features(tmp_path)


def job_of(shard: OpenFeatures, train: list[str]) -> FitJob:
    return FitJob(modality="own", shard=shard, train=tuple(train))


def test_vectors_are_deviations_of_the_transformed_values_with_gaps_at_the_training_mean(shard: OpenFeatures) -> None:
    fitted = fit_features(job_of(shard, PATIENTS[:30]))
    train = 2.0 * VALUES[:30].astype(np.float64)
    mean, deviation = np.nanmean(train, axis=0), np.nanstd(train, axis=0)
    asked = [PATIENTS[row] for row in (39, 0, 4)]
    found = vectors(shard, fitted, asked)
    filled = np.where(np.isnan(VALUES), mean / 2.0, VALUES)[[39, 0, 4]][:, fitted.columns]
    expected = (2.0 * filled - mean[fitted.columns]) / np.where(deviation > 1e-12, deviation, 1.0)[fitted.columns]
    assert found.dtype == np.float32
    assert np.allclose(found, expected, atol=1e-5)
    assert found[1, 4] == 0.0  # a gap
    assert (found[:, 0] == 0.0).all()  # a feature without deviation
    assert fitted.feature_ids == ["f5", "f4", "f3", "f2", "f1"]


def test_a_fit_knows_the_training_patients_alone(shard: OpenFeatures, tmp_path: Path) -> None:
    fitted = fit_features(job_of(shard, PATIENTS[:30]))
    changed = VALUES.copy()
    changed[30:] += 100.0
    table = shard.features
    other = tmp_path / "other"
    paths = [other / name for name in ("values.parquet", "features.parquet", "dataset.json")]
    write_feature_values(paths[0], table, "x", zip(PATIENTS, changed, strict=True))
    describe_features(*paths, table, simulated=False)
    again = fit_features(job_of(open_features(other), PATIENTS[:30]))
    assert np.array_equal(fitted.centre, again.centre)
    assert np.array_equal(fitted.deviation, again.deviation)
    assert fitted.train_hash == again.train_hash != fit_features(job_of(shard, PATIENTS[:29])).train_hash


def test_what_is_written_is_read_and_equal_fits_have_equal_bytes(shard: OpenFeatures, tmp_path: Path) -> None:
    fitted = fit_features(job_of(shard, PATIENTS[:30]))
    for name in ("a.parquet", "b.parquet"):
        write_fitted_features(tmp_path / name, fitted)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()
    found = read_fitted_features(tmp_path / "a.parquet")
    assert np.array_equal(vectors(shard, found, PATIENTS), vectors(tmp_path, fitted, PATIENTS))
    assert (found.names, found.kinds, found.n_train) == (fitted.names, fitted.kinds, 30)
    assert found.left_out == {"the first": 1}


def test_another_modality_in_the_metadata_or_a_scale_that_is_none_is_refused(
    shard: OpenFeatures, tmp_path: Path
) -> None:
    fitted = fit_features(job_of(shard, PATIENTS))
    path = tmp_path / "a.parquet"
    write_fitted_features(path, replace(fitted, deviation=np.array([1.0, 0.0, 1.0, 1.0, 1.0])))
    with pytest.raises(BadInputError, match=r"a\.parquet: deviation: found 0\.0, expected a number above 0"):
        read_fitted_features(path)
    write_fitted_features(path, fitted)
    table = pq.read_table(path)
    for name, value in ((b"modality", b"other"), (b"chosen_hash", b"0")):
        pq.write_table(table.replace_schema_metadata({**table.schema.metadata, name: value}), path)
        with pytest.raises(IntegrityError, match=r"a\.parquet: its metadata"):
            read_fitted_features(path, sealed=False)


def test_a_shard_of_other_features_and_an_unknown_patient_are_refused(shard: OpenFeatures) -> None:
    fitted = fit_features(job_of(shard, PATIENTS))
    with pytest.raises(BadInputError, match=r"feature_hash .*as fitted"):
        vectors(shard, replace(fitted, feature_hash="0"), PATIENTS)
    with pytest.raises(BadInputError, match="no row of TCGA-ZZ-0000"):
        vectors(shard, fitted, ["TCGA-ZZ-0000"])


def test_one_training_patient_no_feature_and_no_room_are_refused(shard: OpenFeatures) -> None:
    with pytest.raises(BadInputError, match="found 1 training patients with own, expected 2"):
        job_of(shard, PATIENTS[:1])
    job, none = job_of(shard, PATIENTS), np.empty(0)
    with pytest.raises(BadInputError, match=r"no feature of own is left \(6 dull\)"):
        job.fitted(np.empty(0, np.int64), centre=none, deviation=none, filler=none, left_out={"dull": 6})
    with pytest.raises(BadInputError, match="modality unfitted: nothing of it is fitted"):
        fit_features(FitJob(modality="unfitted", shard=shard, train=tuple(PATIENTS)))


def test_the_command_fits_on_training_patients_who_have_the_modality_and_counts_the_others(
    shard: OpenFeatures, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    everyone = [*PATIENTS, *(f"TCGA-HT-{index:04d}" for index in range(8))]
    sites = {patient: patient[5:7] for patient in everyone}
    write_split(split_patients(everyone, SplitSettings(folds=4), sites=sites), tmp_path / "s.parquet")
    options = ["--modality", "own", "--shard", str(tmp_path / "dataset.json"), "--split", str(tmp_path / "s.parquet")]
    options += ["--fold", "1", "--settings", json.dumps({"dull": 0}), "--output", str(tmp_path / "own.parquet")]
    assert main(["fit-features", *options]) == 0
    train = patients_with_role(read_split(tmp_path / "s.parquet"), 1, "train")
    own = [patient for patient in train if patient in PATIENTS]
    expected = fit_features(job_of(shard, own))
    assert read_fitted_features(tmp_path / "own.parquet").train_hash == expected.train_hash
    said = capsys.readouterr().out
    assert f"5 of 6 features, fitted on {len(own)} patients" in said
    assert "1 features left out: the first" in said
    assert f"{len(train) - len(own)} of {len(train)} training patients have none" in said
