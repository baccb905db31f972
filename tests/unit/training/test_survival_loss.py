import math

import numpy as np
import pytest
import torch
from torch import Tensor

from mgi.evaluation.follow_up import follow_up_of
from mgi.evaluation.partial_likelihood import partial_log_likelihood
from mgi.training.survival_loss import cox_loss, discrete_hazard_loss, interval_outcomes


def drawn(seed: int, n: int = 40) -> tuple[Tensor, Tensor, Tensor]:
    """Log risks, whole times with ties, and events of which the first is one."""
    rng = np.random.default_rng(seed)
    events = np.append(True, rng.random(n - 1) < 0.6)
    return torch.tensor(rng.normal(size=n)), torch.tensor(np.ceil(6 * rng.exponential(size=n))), torch.tensor(events)


@pytest.mark.parametrize("seed", range(50))
def test_cox_is_the_partial_likelihood_of_the_statistics(seed: int) -> None:
    risk, times, events = drawn(seed)
    expected = -partial_log_likelihood(follow_up_of(times.numpy(), events.numpy()), risk.numpy()) / int(events.sum())
    assert cox_loss(risk, times, events).item() == pytest.approx(expected, abs=1e-10)


def test_its_gradient_is_that_of_finite_differences() -> None:
    risk, times, events = drawn(0, n=12)
    assert torch.autograd.gradcheck(lambda given: cox_loss(given, times, events), risk.requires_grad_())


def test_a_common_part_and_the_order_of_patients_change_nothing() -> None:
    risk, times, events = drawn(1)
    loss, turn = cox_loss(risk, times, events), torch.randperm(40, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(cox_loss(risk + 700, times, events), loss)
    torch.testing.assert_close(cox_loss(risk[turn], times[turn], events[turn]), loss)


def test_far_apart_risks_leave_loss_and_gradient_finite() -> None:
    risk, times, events = drawn(2)
    risk = (1000 * risk).float().requires_grad_()
    cox_loss(risk, times, events).backward()
    assert torch.isfinite(risk.grad).all()


def test_a_batch_without_events_adds_nothing_and_can_be_learned_from() -> None:
    risk = torch.randn(4, requires_grad=True)
    loss = cox_loss(risk, torch.tensor([1.0, 2, 2, 3]), torch.zeros(4, dtype=torch.bool))
    loss.backward()
    assert loss.item() == 0
    assert risk.grad.tolist() == [0, 0, 0, 0]


def test_hazards_of_three_intervals_worked_by_hand() -> None:
    hazards = torch.tensor([[0.1, 0.2, 0.4]] * 4)
    survived, died = torch.tensor([0, 2, 2, 3]), torch.tensor([True, True, False, False])
    each = [0.1, 0.9 * 0.8 * 0.4, 0.9 * 0.8, 0.9 * 0.8 * 0.6]
    expected = -sum(map(math.log, each)) / 4
    assert discrete_hazard_loss(torch.logit(hazards), survived, died).item() == pytest.approx(expected, abs=1e-6)


def test_the_gradient_of_the_hazards_is_that_of_finite_differences() -> None:
    logits = torch.randn(4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0), requires_grad=True)
    survived, died = torch.tensor([0, 2, 2, 3]), torch.tensor([True, True, False, False])
    assert torch.autograd.gradcheck(lambda given: discrete_hazard_loss(given, survived, died), logits)
    assert torch.isfinite(discrete_hazard_loss(torch.full((1, 2), 500.0), torch.tensor([1]), torch.tensor([True])))


def test_constant_hazards_are_best_at_the_share_that_dies_in_an_interval() -> None:
    """Of 10 at risk in the first interval 4 die, of the 6 after it 3: the maximum of the likelihood is known."""
    survived, died = torch.tensor([0] * 4 + [1] * 3 + [2] * 3), torch.tensor([True] * 7 + [False] * 3)
    logits = torch.logit(torch.tensor([0.4, 0.5])).requires_grad_()
    discrete_hazard_loss(logits.expand(10, 2), survived, died).backward()
    assert logits.grad.abs().max() < 1e-6


def test_an_event_at_an_end_is_inside_and_a_censoring_at_an_end_has_survived_it() -> None:
    times = torch.tensor([0.5, 1.0, 1.0, 1.5, 1.5, 2.0, 2.0, 9.0, 9.0])
    events = torch.tensor([1, 1, 0, 1, 0, 1, 0, 1, 0])
    survived, died = interval_outcomes(times, events, torch.tensor([1.0, 2.0]))
    assert survived.tolist() == [0, 0, 1, 1, 1, 1, 2, 2, 2]
    assert died.tolist() == [True, True, False, True, False, True, False, False, False]
