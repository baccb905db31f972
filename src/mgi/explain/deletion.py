"""Deletion curves: how fast an answer falls when genes are set to the average, the most telling first or at random."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mgi.explain.integrated_gradients import Answer

SHARES = (0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Of all genes, set to the average."""
RANDOM_ORDERS = 5


@torch.no_grad()
def remaining(answer: Answer, genes: Tensor, baseline: Tensor, order: Tensor) -> Tensor:
    """What is left of the answer (shares,) above that of the baseline, as the first genes of `order` are deleted."""
    rows = genes.repeat(len(SHARES) + 1, 1)
    for row, share in zip(rows, SHARES, strict=False):
        gone = order[: round(share * len(order))]
        row[gone] = baseline[gone]
    rows[-1] = baseline
    *left, nothing = answer(rows).double()
    return torch.sub(torch.stack(left), nothing)


def deletion_curves(
    answer: Answer, genes: Tensor, baseline: Tensor, attributions: Tensor, generator: torch.Generator
) -> dict[str, list[float]]:
    """What remains (shares,) by the patient's own order, the genes that speak most for the answer first, and at random.

    The sign is that of the whole change: it falls from a positive number to 0. Random is the mean of some orders.
    """
    own = remaining(answer, genes, baseline, torch.argsort(attributions, descending=True))
    if own[0] < 0:
        own = -remaining(answer, genes, baseline, torch.argsort(attributions))
        sign = -1.0
    else:
        sign = 1.0
    orders: Sequence[Tensor] = [
        torch.randperm(len(genes), generator=generator, device=genes.device) for _ in range(RANDOM_ORDERS)
    ]
    drawn = torch.stack([sign * remaining(answer, genes, baseline, order) for order in orders]).mean(0)
    return {"own": own.tolist(), "random": drawn.tolist()}
