import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

RNG = np.random.default_rng(0)
TESTED = [np.arange(start, 40, 4) for start in range(4)]


def test_a_patient_s_prediction_never_uses_the_fold_that_tests_it(benchmark):
    predictor = benchmark("gene_signal").out_of_fold(RNG.normal(size=(40, 60)), TESTED)
    for own in TESTED:
        assert not predictor[np.ix_(own, own)].any()
    assert predictor @ np.full(40, 3.0) == pytest.approx(np.full(40, 3.0))  # the constant is the training mean


def test_the_matrix_is_the_ridge_of_each_fold(benchmark):
    signal, values, target = benchmark("gene_signal"), RNG.normal(size=(40, 6)), RNG.normal(size=40)
    own, known = TESTED[1], np.setdiff1d(np.arange(40), TESTED[1])
    centred = (values - values[known].mean(0)) / (values[known].std(0) + 1e-6)
    seen = centred[known]  # six genes: all components are kept, and a turn of the axes changes no ridge
    weights = np.linalg.solve(
        seen.T @ seen + signal.PENALTY * np.eye(6), seen.T @ (target[known] - target[known].mean())
    )
    expected = centred[own] @ weights + target[known].mean()
    assert (signal.out_of_fold(values, TESTED) @ target)[own] == pytest.approx(expected)


def test_genes_that_say_something_are_told_from_those_that_do_not(benchmark, monkeypatch):
    signal = benchmark("gene_signal")
    monkeypatch.setattr(signal, "DRAWS", 500)
    values = RNG.normal(size=(40, 60))
    values[:, :20] += 2 * RNG.normal(size=(40, 1))
    predictor = signal.out_of_fold(values, TESTED)
    told = signal.beside_chance("told", predictor, values[:, :20].mean(1))
    noise = signal.beside_chance("noise", predictor, RNG.normal(size=40))
    assert told["value"] > 0.8
    assert told["low"] > 0.5
    assert told["p"] == pytest.approx(1 / 501)
    assert abs(told["permuted_mean"]) < 0.3
    assert noise["p"] > 0.05


def test_correlation_is_spearman_s(benchmark):
    one, other = RNG.integers(0, 9, (2, 3, 30)).astype(float)
    found = benchmark("gene_signal").correlation(one, other)
    assert found == pytest.approx([spearmanr(*pair).statistic for pair in zip(one, other, strict=True)])


def test_volumes_are_of_networks_without_genes_and_nothing_marked_is_one_voxel(benchmark, tmp_path):
    (tmp_path / "evaluation").mkdir()
    rows = [("unet", "none", "B", 0, 100), ("unet", "none", "A", 10, 20), ("mgi", "real", "A", 7, 20)]
    rows += [("mgi-no-genes", "none", "A", 8, 20), ("mgi-no-genes", "none", "B", 8, 100)]
    columns = ["method", "genes", "patient_id", "predicted_voxels", "true_voxels"]
    pd.DataFrame(rows, columns=columns).to_csv(tmp_path / "evaluation/patients.csv", index=False)
    true, predicted = benchmark("gene_signal").log_volumes(tmp_path)
    assert list(predicted.columns) == ["unet"]
    assert np.exp(true).to_dict() == pytest.approx({"A": 20, "B": 100})
    assert np.exp(predicted["unet"]).to_dict() == pytest.approx({"A": 10, "B": 1})


def test_each_fold_s_test_patients_are_found_once(benchmark, tmp_path):
    (tmp_path / "tables").mkdir()
    rows = [(0, "A", "test"), (0, "B", "train"), (1, "B", "test"), (1, "A", "train"), (1, "C", "test")]
    pd.DataFrame(rows, columns=["fold", "patient_id", "role"]).to_parquet(tmp_path / "tables/split.parquet")
    found = benchmark("gene_signal").tested_of(tmp_path, ["A", "B", "C"])
    assert [rows.tolist() for rows in found] == [[0], [1, 2]]
