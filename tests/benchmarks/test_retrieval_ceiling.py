"""What the ceiling of retrieval is computed from."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


def test_the_density_ratio_is_that_of_scipy_but_for_a_constant(benchmark) -> None:
    from scipy.stats import multivariate_normal as normal

    rng = np.random.default_rng(1)
    image, genes = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    root = rng.normal(size=(6, 6))
    means, covariance = rng.normal(size=6), root @ root.T + np.eye(6)
    found = benchmark("retrieval_ceiling").density_ratio(image, genes, (means, covariance))
    expected = np.empty((5, 5))
    for i in range(5):
        for j in range(5):
            expected[i, j] = (
                normal.logpdf(np.concatenate([image[i], genes[j]]), means, covariance)
                - normal.logpdf(image[i], means[:3], covariance[:3, :3])
                - normal.logpdf(genes[j], means[3:], covariance[3:, 3:])
            )
    assert np.ptp(found - expected) == pytest.approx(0, abs=1e-9)


def test_figures_of_nothing_known_are_those_of_chance(benchmark) -> None:
    ceiling = benchmark("retrieval_ceiling")
    found = ceiling.figures_of(np.zeros((37, 37)))
    assert found["loss"] == pytest.approx(np.log(37))
    certain = ceiling.figures_of(np.eye(37) * 100)
    assert (certain["R@1"], certain["mean_rank"]) == (1, 1)
    assert certain["loss"] == pytest.approx(0, abs=1e-6)


def test_it_runs_in_small(tmp_path) -> None:
    output = tmp_path / "ceiling.json"
    small = ["--many", "150", "--moments", "20", "--judged", "40", "--steps", "6", "--output", output]
    told = subprocess.run(
        [sys.executable, BENCHMARKS / "retrieval_ceiling.py", *small],
        capture_output=True, text=True, timeout=300, check=False,
    )  # fmt: skip
    assert told.returncode == 0, told.stderr
    rows = json.loads(output.read_text())
    assert [row["patients"] for row in rows] == [0, 147, 150]
    assert rows[2]["r"]["genes"]["contrast"] > 0.7  # a ridge on 2,000 genes tells it
