import pytest
import torch

from mgi.datasets.masking import random_mask, span_length, span_mask, spread_over


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
