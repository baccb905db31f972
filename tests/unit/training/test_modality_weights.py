"""How far a modality moves the image encoder follows what validation shows of it, and nothing else follows it."""

import math

import numpy as np
import pytest
import torch

from mgi.training.modality_weights import certainty, measured_weights, weights_in
from mgi.training.multimodal_loss import scaled_gradient


def test_the_certainty_is_that_of_james_and_stein_by_hand() -> None:
    # Ten patients: a guess has mean rank 5.5 with variance 99 / 120. Rank 1 is 4.5 below it: z^2 = 20.25 * 120 / 99.
    assert certainty(1.0, 10) == pytest.approx(1 - 99 / (120 * 20.25))
    assert certainty(5.5 - math.sqrt(99 / 120), 10) == 0  # one deviation
    assert certainty(9.0, 10) == 0  # worse than a guess, by however much
    assert certainty(1.0, 1) == certainty(0.5, 0) == 0


def test_guesses_are_seldom_taken_for_more() -> None:
    ranks = np.random.default_rng(0).integers(1, 38, size=(4000, 37)).mean(1)
    found = [certainty(rank, 37) for rank in ranks]
    assert np.mean(np.array(found) > 0) == pytest.approx(0.16, abs=0.02)  # beyond one deviation, on one side
    assert np.mean(found) < 0.08


def test_weights_have_mean_1_and_are_alike_where_none_beats_a_guess() -> None:
    figures = {
        "mean_rank_a": 1.0, "validation_patients_a": 10.0, "mean_rank_b": 2.0, "validation_patients_b": 10.0,
        "mean_rank_noise": 5.6, "validation_patients_noise": 10.0, "validation_patients_nobody": 0.0,
    }  # fmt: skip
    found = measured_weights(figures, ["a", "b", "noise", "nobody"])
    assert math.fsum(found.values()) == pytest.approx(4)
    assert found["noise"] == found["nobody"] == 0
    assert found["a"] / found["b"] == pytest.approx(certainty(1.0, 10) / certainty(2.0, 10))
    assert measured_weights(figures, ["noise", "nobody"]) == {"noise": 1.0, "nobody": 1.0}
    assert weights_in({"image_weight_a": 1.5, "loss": 3.0}, ["a", "b"]) == {"a": 1.5, "b": 1.0}


def test_a_scaled_gradient_leaves_the_values() -> None:
    values = torch.tensor([1.0, 2.0], requires_grad=True)
    scaled = scaled_gradient(values, 0.25)
    assert torch.equal(scaled, values)
    scaled.sum().backward()
    assert values.grad is not None
    assert values.grad.tolist() == [0.25, 0.25]
