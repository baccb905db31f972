from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import ConfigError
from mgi.modalities.fitting import FitJob, fit_features, vectors
from mgi.modalities.methylation.selection import m_values
from mgi.shards.feature_shard import OpenFeatures
from small_shards import shard_of_files

PATIENTS = [f"TCGA-DU-{number:04d}" for number in range(40)]
BETAS = np.random.default_rng(1).beta(0.5, 0.5, (40, 12)).astype(np.float32)
BETAS[5, 3] = BETAS[39, 4] = np.nan


@pytest.fixture
def shard(tmp_path: Path) -> OpenFeatures:
    texts = {}
    for patient, row in zip(PATIENTS, BETAS, strict=True):
        texts[patient] = "".join(f"cg{n}\t{'NA' if np.isnan(beta) else beta}\n" for n, beta in enumerate(row))
    return shard_of_files(tmp_path, "methylation", texts)


def job(shard: OpenFeatures, train: list[str], **settings: object) -> FitJob:
    return FitJob(modality="methylation", shard=shard, train=tuple(train), settings=settings)


def test_vectors_are_z_scores_of_m_values_of_the_most_variable_probes(shard: OpenFeatures) -> None:
    fitted = fit_features(job(shard, PATIENTS[:30], top_k=5))
    m = m_values(BETAS).astype(np.float64)
    chosen = np.sort(np.argsort(-np.nanvar(m[:30], axis=0))[:5])
    assert fitted.feature_ids == [f"cg{n}" for n in chosen]
    mean, deviation = np.nanmean(m[:30, chosen], axis=0), np.nanstd(m[:30, chosen], axis=0)
    filled = np.where(np.isnan(m[:, chosen]), mean, m[:, chosen])
    found = vectors(shard, fitted, PATIENTS[::-1])
    np.testing.assert_allclose(found[::-1], (filled - mean) / deviation, atol=1e-5)
    assert np.isfinite(found).all()
    assert fitted.left_out == {"not among the 5 most variable in training": 7}


def test_a_gap_is_the_training_mean(shard: OpenFeatures) -> None:
    fitted = fit_features(job(shard, PATIENTS[:30]))
    assert vectors(shard, fitted, [PATIENTS[39]])[0, 4] == 0.0


def test_patients_who_do_not_train_change_nothing(tmp_path: Path, shard: OpenFeatures) -> None:
    before = fit_features(job(shard, PATIENTS[:30], top_k=5))
    texts = {}
    for number, (patient, row) in enumerate(zip(PATIENTS, BETAS, strict=True)):
        shown = row if number < 30 else np.full(12, (number - 29) / 12)
        texts[patient] = "".join(f"cg{n}\t{'NA' if np.isnan(beta) else beta}\n" for n, beta in enumerate(shown))
    after = fit_features(job(shard_of_files(tmp_path / "b", "methylation", texts), PATIENTS[:30], top_k=5))
    assert after.feature_ids == before.feature_ids
    np.testing.assert_array_equal(after.centre, before.centre)


def test_a_wrong_setting_names_its_place(shard: OpenFeatures) -> None:
    with pytest.raises(ConfigError, match=r"modalities\.methylation\.fit"):
        fit_features(job(shard, PATIENTS, top_k=0))
