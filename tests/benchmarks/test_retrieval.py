"""Ranks, and what random pairings make of them."""

import numpy as np
import pytest


def test_a_rank_counts_what_is_at_least_as_similar(benchmark):
    retrieval = benchmark("retrieval")
    ranks = retrieval.ranks_of(np.array([[0.9, 0.5, 0.1], [0.5, 0.5, 0.7], [0.0, 0.0, 0.0]]))
    assert ranks.tolist() == [[1, 2, 3], [3, 3, 1], [3, 3, 3]]


def test_vectors_that_are_all_equal_retrieve_nobody(benchmark):
    retrieval = benchmark("retrieval")
    figures = retrieval.judge(retrieval.ranks_of(np.ones((20, 20))), draws=50)
    assert figures["R@1"]["value"] == 0.0
    assert figures["median rank"] == pytest.approx({"value": 20, "chance": 20, "low": 20, "high": 20, "p": 1.0})


def test_pairs_that_match_are_far_from_chance_and_random_ones_are_not(benchmark):
    retrieval = benchmark("retrieval")
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(40, 40))
    matched = retrieval.judge(retrieval.ranks_of(noise + 3 * np.eye(40)), draws=2000)
    assert matched["R@1"]["value"] > matched["R@1"]["high"]
    assert matched["median rank"]["value"] < matched["median rank"]["low"]
    assert matched["R@1"]["p"] < 0.01
    random = retrieval.judge(retrieval.ranks_of(noise), draws=2000)
    assert random["R@1"]["low"] <= random["R@1"]["value"] <= random["R@1"]["high"]
    assert random["median rank"]["p"] > 0.05
    assert random["R@1"]["chance"] == pytest.approx(1 / 40, abs=0.005)
