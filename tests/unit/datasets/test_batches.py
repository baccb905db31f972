import numpy as np
import pytest
import torch

from mgi.datasets.batches import (
    noise_maker,
    patient_unique_batch,
    random_mask,
    shares_up_to,
    span_length,
    span_mask,
    spread_over,
    tumour_weights,
    weighted_batch,
    with_stripped,
)

PATIENT = np.array([0, 0, 0, 1, 2, 2, 5])


def test_a_slice_weighs_its_area_and_a_tenth_of_the_mean_by_hand() -> None:
    # The mean of 0, 30, 10 and 0 is 10, of which a tenth is 1.
    np.testing.assert_allclose(tumour_weights(np.array([0.0, 30, 10, 0])), np.array([1, 31, 11, 1]) / 44)


ROWS = [np.flatnonzero(one == PATIENT) for one in range(PATIENT.max() + 1)]


def test_without_any_tumour_all_slices_are_equal() -> None:
    np.testing.assert_array_equal(tumour_weights(np.zeros(4)), np.full(4, 0.25))
    np.testing.assert_allclose(tumour_weights(np.array([0.0, 30, 10, 0]), 1.0), np.array([10, 40, 20, 10]) / 80)


def test_copies_share_the_weight_by_their_own_areas_by_hand() -> None:
    found = with_stripped(np.array([0.1, 0.3, 0.4, 0.2]), 2, 0.25)
    np.testing.assert_allclose(found, [0.75 / 4, 0.75 * 3 / 4, 0.25 * 2 / 3, 0.25 / 3])
    assert with_stripped(found, 0, 0.25) is found


def test_slices_are_drawn_in_proportion_to_their_weight() -> None:
    weights = np.array([0.0, 0.25, 0.75])
    drawn = weighted_batch(shares_up_to(weights), 4000, np.random.default_rng(0))
    assert (drawn == np.random.default_rng(0).choice(3, size=4000, p=weights)).all()
    share = np.bincount(drawn, minlength=3) / 4000
    np.testing.assert_allclose(share, weights, atol=0.03)
    assert share[0] == 0


def test_a_batch_never_holds_a_patient_twice() -> None:
    weights = tumour_weights(np.arange(7.0))
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(200):
        rows = patient_unique_batch(ROWS, weights, 3, rng)
        assert len(rows) == len(set(PATIENT[rows])) == 3
        seen |= set(rows.tolist())
    assert seen == set(range(7))


def test_a_batch_is_as_large_as_there_are_patients() -> None:
    rows = patient_unique_batch(ROWS, tumour_weights(np.zeros(7)), 32, np.random.default_rng(0))
    assert sorted(PATIENT[rows]) == [0, 1, 2, 5]


def test_within_a_patient_the_slice_with_more_tumour_comes_more_often() -> None:
    weights = tumour_weights(np.array([90.0, 0, 10, 0, 0, 0, 0]))
    rng = np.random.default_rng(0)
    drawn = [row for _ in range(500) for row in patient_unique_batch(ROWS, weights, 4, rng) if PATIENT[row] == 0]
    own = weights[:3] / weights[:3].sum()
    np.testing.assert_allclose(np.bincount(drawn, minlength=3) / 500, own, atol=0.06)


def test_the_same_generator_draws_the_same_batches() -> None:
    weights = tumour_weights(np.arange(7.0))

    def drawn(seed: int) -> list[int]:
        rng = np.random.default_rng(seed)
        return [*weighted_batch(shares_up_to(weights), 9, rng), *patient_unique_batch(ROWS, weights, 3, rng)]

    assert drawn(0) == drawn(0)
    assert drawn(0) != drawn(1)


def test_several_slices_of_a_patient_are_different_ones_side_by_side_and_as_many_as_there_are() -> None:
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(100):
        rows = patient_unique_batch(ROWS, tumour_weights(np.arange(7.0)), 3, rng, 2)
        assert len(set(rows.tolist())) == len(rows)
        patients = PATIENT[rows].tolist()
        for one in set(patients):
            where = [place for place, patient in enumerate(patients) if patient == one]
            assert where == list(range(where[0], where[0] + min(2, int((one == PATIENT).sum()))))
        seen |= set(rows.tolist())
    assert seen == set(range(7))


def test_a_slice_without_any_chance_is_not_drawn_even_where_slices_are_short() -> None:
    weights = np.array([0.5, 0.0, 0.0, 0.5, 0, 0, 0])
    rows = patient_unique_batch(ROWS[:2], weights[:4], 2, np.random.default_rng(0), 3)
    assert sorted(rows.tolist()) == [0, 3]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_single_elements_are_hidden_at_their_share() -> None:
    mask = random_mask(50, 200, 0.3, generator())
    assert mask.shape == (50, 200)
    assert mask.float().mean().item() == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize(("places", "share", "length"), [(10, 0.25, 2), (10, 0.01, 1), (10, 0.0, 0), (7, 1.0, 7)])
def test_a_span_has_the_nearest_length_and_at_least_one_place(places, share, length) -> None:
    assert span_length(places, share) == length


def test_a_span_is_one_run_of_its_length_in_every_row_and_begins_anywhere() -> None:
    mask = span_mask(400, 6, 0.5, generator())
    assert (mask.sum(1) == 3).all()
    starts = mask.int().argmax(1)
    assert all(mask[row, start : start + 3].all() for row, start in enumerate(starts.tolist()))
    share = torch.bincount(starts, minlength=4) / 400
    torch.testing.assert_close(share, torch.full((4,), 0.25), atol=0.07, rtol=0)


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_nothing_or_all_may_be_hidden(share) -> None:
    assert (span_mask(3, 5, share, generator()) == bool(share)).all()


def test_hidden_tokens_hide_their_genes_and_the_last_token_is_short() -> None:
    mask = torch.tensor([[False, True, False], [False, False, True]])
    expected = [[0, 0, 0, 1, 1, 1, 0, 0], [0, 0, 0, 0, 0, 0, 1, 1]]
    assert spread_over(mask, 3, 8).int().tolist() == expected


def test_noise_of_patients_has_their_covariance_and_stays_in_their_subspace() -> None:
    generator = torch.Generator().manual_seed(0)
    training = torch.randn(40, 2, generator=generator) @ torch.randn(2, 30, generator=generator) + 5
    drawn = noise_maker(training, "patients")(20_000, generator)
    assert drawn.shape == (20_000, 30)
    assert torch.linalg.matrix_rank(drawn[:100]) == 2
    expected = torch.cov(training.T, correction=0)
    assert torch.allclose(torch.cov(drawn.T), expected, atol=0.05 * expected.abs().max().item())
    assert drawn.mean(0).abs().max() < 0.05 * expected.diagonal().sqrt().max()


def test_independent_noise_draws_the_numbers_that_it_always_drew() -> None:
    drawn = noise_maker(torch.zeros(3, 7), "independent")(4, torch.Generator().manual_seed(1))
    assert torch.equal(drawn, torch.randn((4, 7), generator=torch.Generator().manual_seed(1)))
