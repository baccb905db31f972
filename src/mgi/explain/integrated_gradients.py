"""Integrated gradients: what each gene of a patient adds to a network's answer (Sundararajan 2017, arXiv:1703.01365).

The answer is any function of standardised genes, rows (N, G) to numbers (N,), such as a logit, a risk, or the cosine to
an image. Rows must not depend on one another: a network is in evaluation mode. In standardised genes the training mean
is 0, so a baseline of zeros is the average patient.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from mgi.core.errors import BadInputError
from mgi.explain.settings import TOLERANCE

Answer = Callable[[Tensor], Tensor]
MOST_STEPS = 1600
_LEAST_CHANGE = 0.01
"""Of the sum of |attributions|: where they cancel out, no smaller change is asked of their sum to be told from 0."""
AT_ONCE = 64  # points of the path that are in memory at a time


class Attribution(NamedTuple):
    """`values` (G,), float64, signed; their sum is `change`, the answer at the genes minus at the baseline.

    `error` is by how much it is missed, as a share; `steps` is the number of points on each path.
    """

    values: Tensor
    change: float
    error: float
    steps: int


def integrated_gradients(
    answer: Answer,
    genes: Tensor,
    baseline: Tensor | None = None,
    steps: int = 50,
    at_once: int = AT_ONCE,
    *,
    tolerance: float = TOLERANCE,
) -> Attribution:
    """Attribute the answer at one patient's genes (G,) along the straight path from a baseline (G,), else from zeros.

    Gauss-Legendre points, `at_once` of them in memory, are doubled until the attributions add up within the
    tolerance, 1 %. Raises BadInputError where they never do (the answer jumps, or its gradient is cut), or where an
    answer is not one finite number a row.
    """
    start = torch.zeros_like(genes) if baseline is None else baseline
    change = _change(answer, start, genes)
    while True:
        values = (genes - start).double() * _mean_gradient(answer, start, genes, steps, at_once)
        scale = max(abs(change), _LEAST_CHANGE * float(values.abs().sum()))
        error = abs(float(values.sum()) - change) / scale if scale else 0.0
        if error <= tolerance:
            return Attribution(values, change, error, steps)
        if 2 * steps > MOST_STEPS:
            raise BadInputError(
                f"explain: attributions add up to {float(values.sum()):.4g} with {steps} steps, expected {change:.4g} "
                f"within {tolerance:.0%}, the change of the answer; does it jump, or is its gradient cut?"
            )
        steps *= 2


def noise_tunnel(
    attribute: Callable[[Tensor], Attribution],
    genes: Tensor,
    generator: torch.Generator,
    *,
    samples: int = 5,
    noise_sd: float = 0.1,
) -> Attribution:
    """The mean of what `attribute` gives for `samples` copies of the genes (G,) with normal noise (SmoothGrad).

    It smooths what only holds at one point. `noise_sd` is in deviations of a gene, `change` the mean over the copies,
    `error` and `steps` the largest of theirs. `generator` draws on the genes' device.
    """
    if samples < 1 or noise_sd < 0:
        raise BadInputError(f"explain: found {samples} samples and noise_sd {noise_sd:g}, expected 1 and 0 at least")
    noise = torch.randn((samples, *genes.shape), generator=generator, device=genes.device, dtype=genes.dtype)
    each = [attribute(genes + noise_sd * one) for one in noise]
    return Attribution(
        values=torch.stack([one.values for one in each]).mean(0),
        change=sum(one.change for one in each) / samples,
        error=max(one.error for one in each),
        steps=max(one.steps for one in each),
    )


def _change(answer: Answer, start: Tensor, genes: Tensor) -> float:
    with torch.no_grad():
        ends = answer(torch.stack([start, genes]))
    if ends.shape != (2,) or not torch.isfinite(ends).all():
        raise BadInputError(
            f"explain: answer: found {ends.tolist() if ends.numel() <= 2 else tuple(ends.shape)} for two rows, "
            "expected a number for each"
        )
    before, after = ends.double().tolist()
    return float(after - before)


def _mean_gradient(answer: Answer, start: Tensor, genes: Tensor, steps: int, at_once: int) -> Tensor:
    """The gradient (G,) averaged over the path, float64."""
    nodes, weights = np.polynomial.legendre.leggauss(steps)
    places = torch.as_tensor((nodes + 1) / 2, dtype=genes.dtype, device=genes.device)
    shares = torch.as_tensor(weights / 2, dtype=torch.float64, device=genes.device)
    total = torch.zeros_like(genes, dtype=torch.float64)
    for place, share in zip(places.split(at_once), shares.split(at_once), strict=True):
        points = (start + place[:, None] * (genes - start)).detach().requires_grad_()  # n G
        (gradient,) = torch.autograd.grad(answer(points).sum(), points)
        total += share @ gradient.double()
    return total
