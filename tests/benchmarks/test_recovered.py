"""Shares of planted pairs, of hits in no set, and means of AUCs are counted as the benchmark says."""

import pandas as pd
import pytest

MEMBERS = {"side": {"a", "b"}, "size": {"c"}, "margin": {"d"}, "contrast": {"e"}, "IDHwt": {"f"}}


def test_a_pair_is_found_with_its_own_feature_alone_and_subtypes_genes_are_of_a_set(benchmark) -> None:
    recovered = benchmark("recovered")
    hits = pd.DataFrame(
        [("side", "a"), ("log_volume", "b"), ("log_volume", "c"), ("elongation", "f"), ("side", "z")],
        columns=["phenotype", "feature"],
    )
    of = {row["name"]: (row["value"], row["of"]) for row in recovered.found_pairs(hits, MEMBERS, "lesion")}
    assert of["lesion: side with side"] == (1, 2)
    assert of["lesion: size with log_volume"] == (1, 1)
    assert of["lesion: all planted pairs"] == (2, 5)
    assert of["lesion: hits of genes in no set"] == (1, 5)


def test_the_mean_is_of_the_factors_that_an_image_shows_of_each_network(benchmark) -> None:
    recovered = benchmark("recovered")
    aucs = {"side": 0.1, "size": 0.9, "margin": 0.6, "contrast": 0.9, "IDHwt": 0.2}
    rows = [("pretrain-fold0-seed0", "contrast", "trained", name, value) for name, value in aucs.items()]
    rows += [("pretrain-fold0-seed0", "contrast", "random_weights", name, 0.5) for name in aucs]
    rows += [("pretrain-fold0-seed0", "similarity", "trained", name, 0.0) for name in aucs]
    table = pd.DataFrame(rows, columns=["run", "value", "network", "gene_set", "auc_relative"])
    means = [row["value"] for row in recovered.attributed(table) if "mean of" in row["name"]]
    assert means == [pytest.approx(0.8), pytest.approx(0.5)]


def test_means_over_networks_keep_permuted_pairs_apart_and_have_an_error(benchmark) -> None:
    runs = {"pretrain-fold0-seed0": 0.4, "pretrain-fold0-seed1": 0.6, "pretrain-permuted-pairs-fold0-seed0": 0.1}
    rows = [(run, name, value) for run, value in runs.items() for name in ("size", "margin", "contrast")]
    table = pd.DataFrame(rows, columns=["run", "gene_set", "auc"])
    table = table.assign(value="contrast", network="trained", auc_relative=table["auc"], auc_permuted=float("nan"))
    found = {row["name"]: row["value"] for row in benchmark("recovered").over_networks(table)}
    assert found["2 networks, own pairs, auc: size"] == pytest.approx(0.5)
    assert found["2 networks, own pairs, auc_relative: margin, standard error"] == pytest.approx(0.1)
    assert not [name for name in found if "permuted" in name]  # one network, and no AUC beside permuted pairs
