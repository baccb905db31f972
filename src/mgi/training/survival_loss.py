"""Losses of networks that predict survival: Cox's partial likelihood, and the likelihood of hazards by interval.

B patients of a batch; `times` (B,) above 0 and `events` (B,) bool: whether the event happened then, or the patient was
censored.
"""

import torch
from torch import Tensor
from torch.nn.functional import softplus


def cox_loss(log_risk: Tensor, times: Tensor, events: Tensor) -> Tensor:
    """Negative partial log likelihood of log hazard ratios (B,) by Efron, a mean over events; 0 where there are none.

    The batch is its own risk set, so small batches tell little: all patients at once are best.
    """
    order = torch.argsort(times, descending=True, stable=True)
    score, times, events = log_risk[order], times[order], events[order].bool()
    _, group, sizes = torch.unique_consecutive(times, return_inverse=True, return_counts=True)
    last = sizes.cumsum(0) - 1  # of each distinct time, longest first
    at_risk = torch.logcumsumexp(score, 0)[last][group[events]]  # E: log of the sum over who was followed as long
    tied = group[events]  # E
    deaths = torch.bincount(tied, minlength=len(sizes))
    top = torch.full_like(score[: len(sizes)], -torch.inf).scatter_reduce(0, tied, score[events].detach(), "amax")
    together = torch.zeros_like(top).scatter_add(0, tied, (score[events] - top[tied]).exp())
    among_tied = together[tied].log() + top[tied]  # E: log of the sum over who had the event at the same time
    rank = torch.arange(len(tied), device=tied.device) - (deaths.cumsum(0) - deaths)[tied]
    share = rank.to(score) / deaths[tied]
    terms = score[events] - at_risk - torch.log1p(-share * (among_tied - at_risk).exp())
    return -terms.sum() / max(len(tied), 1)


def discrete_hazard_loss(logits: Tensor, survived: Tensor, died: Tensor) -> Tensor:
    """Negative log likelihood of the hazards sigmoid(logits) (B, K) of K intervals, a mean over patients.

    `survived` (B,) counts the intervals before which, and `died` (B,) says whether, the event came in the next one:
    both as `interval_outcomes` gives them. A patient who survived none and did not die adds 0.
    """
    place = torch.arange(logits.shape[1], device=logits.device)
    passed = softplus(logits) * (place < survived[:, None])  # B K: -log(1 - hazard)
    ended = softplus(-logits) * ((place == survived[:, None]) & died[:, None])  # B K: -log(hazard)
    return (passed + ended).sum(1).mean()


def interval_outcomes(times: Tensor, events: Tensor, ends: Tensor) -> tuple[Tensor, Tensor]:
    """How many whole intervals each patient survived (B,), and whether the event came in the next one (B,).

    `ends` (K,) rise; interval k reaches from after the end before it (at first 0) to ends[k], which it includes. Who is
    censored within an interval counts for those before it, an event after the last end as survival of all.
    """
    own, events = times.contiguous(), events.bool()
    before = torch.searchsorted(ends, own, right=False)
    whole = torch.searchsorted(ends, own, right=True)
    return torch.where(events, before, whole), events & (before < len(ends))
