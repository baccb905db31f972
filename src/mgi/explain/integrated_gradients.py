"""Integrated gradients: what each gene of a patient adds to a network's answer (Sundararajan 2017, arXiv:1703.01365).

The answer is any function of standardised genes, rows (N, G) to numbers (N,), such as a logit, a risk, or the cosine to
an image. Rows must not depend on one another: a network is in evaluation mode. In standardised genes the training mean
is 0, so a baseline of zeros is the average patient.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.core.errors import BadInputError
from mgi.explain.settings import TOLERANCE

Answer = Callable[[Tensor], Tensor]
MOST_STEPS = 1600
HALF_POINTS = 6  # of each half of a part
_HALVED = 0.25  # of the largest miss of a part: those that miss as much are halved
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

    The gradient is taken at Gauss-Legendre points, `at_once` of them in memory. Where the attributions do not add up
    within the tolerance, 1 %, the parts of the path that miss most of the change are halved: answers of networks have
    kinks. Raises BadInputError where they never add up (the answer jumps, or its gradient is cut), or where an answer
    is not one finite number a row.
    """
    path = _Path(answer, torch.zeros_like(genes) if baseline is None else baseline, genes, at_once)
    parts = path.parts([(0.0, 1.0)], steps)
    while True:
        values = torch.stack([part.values for part in parts]).sum(0)
        change, points = sum(part.change for part in parts), sum(part.points for part in parts)
        scale = max(abs(change), _LEAST_CHANGE * float(values.abs().sum()))
        error = abs(float(values.sum()) - change) / scale if scale else 0.0
        if error <= tolerance:
            return Attribution(values, change, error, points)
        worst = max(part.missed for part in parts)
        halved = [part for part in parts if part.missed >= _HALVED * worst]
        if points + 2 * HALF_POINTS * len(halved) > MOST_STEPS:
            raise BadInputError(
                f"explain: attributions add up to {float(values.sum()):.4g} with {points} steps, expected {change:.4g} "
                f"within {tolerance:.0%}, the change of the answer; does it jump, or is its gradient cut?"
            )
        middles = [((part.low + part.high) / 2, part) for part in halved]
        bounds = [half for middle, part in middles for half in ((part.low, middle), (middle, part.high))]
        parts = [*(part for part in parts if part.missed < _HALVED * worst), *path.parts(bounds, HALF_POINTS)]


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


@dataclass(frozen=True)
class _Part:
    """A part of the path from `low` to `high`: what its points give the genes (G,), and the change of the answer."""

    low: float
    high: float
    values: Tensor
    change: float
    points: int

    @property
    def missed(self) -> float:
        return abs(float(self.values.sum()) - self.change)


@dataclass(frozen=True)
class _Path:
    """The straight path from `start` (G,) to `genes` (G,) of an answer."""

    answer: Answer
    start: Tensor
    genes: Tensor
    at_once: int

    def parts(self, bounds: Sequence[tuple[float, float]], points: int) -> list[_Part]:
        """Parts of the path, each with Gauss-Legendre points of its own, computed together."""
        nodes, weights = np.polynomial.legendre.leggauss(points)
        lows, highs = (np.array(ends)[:, None] for ends in zip(*bounds, strict=True))
        places = self._tensor((lows + (highs - lows) * (nodes + 1) / 2).ravel())
        shares = torch.as_tensor(((highs - lows) * weights / 2).ravel(), device=self.genes.device)
        owner = torch.arange(len(bounds), device=self.genes.device).repeat_interleave(points)
        total = torch.zeros((len(bounds), len(self.genes)), dtype=torch.float64, device=self.genes.device)
        for some in torch.arange(len(places), device=self.genes.device).split(self.at_once):
            rows = self._rows(places[some]).detach().requires_grad_()  # n G
            (gradient,) = torch.autograd.grad(self.answer(rows).sum(), rows)
            total.index_add_(0, owner[some], shares[some, None] * gradient.double())
        values = (self.genes - self.start).double() * total
        ends = self._answers(sorted({end for part in bounds for end in part}))
        return [
            _Part(low, high, own, ends[high] - ends[low], points)
            for (low, high), own in zip(bounds, values, strict=True)
        ]

    @torch.no_grad()
    def _answers(self, places: list[float]) -> dict[float, float]:
        """The answer at each of two places or more."""
        parts = [self.answer(self._rows(some)) for some in self._tensor(np.array(places)).split(max(2, self.at_once))]
        if any(part.ndim != 1 for part in parts) or not all(torch.isfinite(part).all() for part in parts):
            first = parts[0]
            found = first.tolist() if first.numel() <= 2 else tuple(first.shape)
            raise BadInputError(f"explain: answer: found {found} for two rows, expected a number for each")
        return dict(zip(places, torch.cat(parts).double().tolist(), strict=True))

    def _rows(self, places: Tensor) -> Tensor:
        return self.start + places[:, None] * (self.genes - self.start)

    def _tensor(self, numbers: NDArray[np.float64]) -> Tensor:
        return torch.as_tensor(numbers, dtype=self.genes.dtype, device=self.genes.device)
