import pytest
import torch

from mgi.training.pretrain_loss import embedding_error_sum, squared_error_sum, triplet_loss


def test_only_hidden_genes_are_scored_by_hand() -> None:
    restored, truth = torch.tensor([[1.0, 5.0, 2.0]]), torch.tensor([[3.0, 0.0, 2.5]])
    hidden = torch.tensor([[True, False, True]])
    assert squared_error_sum(restored, truth, hidden).item() == pytest.approx(2.0**2 + 0.5**2)


def test_a_gene_that_is_not_hidden_gets_no_gradient() -> None:
    restored = torch.tensor([[1.0, 5.0]], requires_grad=True)
    squared_error_sum(restored, torch.zeros(1, 2), torch.tensor([[True, False]])).backward()
    assert restored.grad.tolist() == [[2.0, 0.0]]


def test_the_embedding_at_hidden_places_is_compared_with_the_standardised_one_by_hand() -> None:
    # (1, 3) is standardised to (-1, 1): the error of (0, 3) is (1 + 4) / 2.
    seen = torch.tensor([[[1.0, 3.0], [7.0, 7.0]]])
    predicted = torch.tensor([[[0.0, 3.0], [9.0, 9.0]]])
    hidden = torch.tensor([[True, False]])
    assert embedding_error_sum(predicted, seen, hidden).item() == pytest.approx(2.5, abs=1e-4)


def test_no_gradient_runs_into_the_embedding_that_is_to_be_predicted() -> None:
    seen = torch.randn(1, 2, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    predicted = torch.zeros(1, 2, 4, requires_grad=True)
    embedding_error_sum(predicted, seen, torch.ones(1, 2, dtype=torch.bool)).backward()
    assert seen.grad is None
    assert predicted.grad.abs().sum() > 0


def test_the_triplet_loss_of_unit_vectors_by_hand() -> None:
    anchor = torch.tensor([[1.0, 0.0], [1.0, 0.0], [1.0, 0.0]])
    positive = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    negative = torch.tensor([[-1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    # Squared distances: 0 and 4, 2 and 0, 0.8 and 2.
    expected = (0 + (2 - 0 + 0.2) + 0) / 3
    assert triplet_loss(anchor, positive, negative, 0.2).item() == pytest.approx(expected)
    assert triplet_loss(anchor, positive, negative, 1.5).item() == pytest.approx((0 + 3.5 + 0.3) / 3)
