"""What predictions are made with: the patients' own expression and what takes its place in the audit."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from mgi.evaluation.expression_inputs import COHORT_MEAN, NOT_USED, NULL_TOKEN, OWN, PERMUTED
from mgi.training.settings import PredictSettings


@dataclass(frozen=True, kw_only=True)
class ExpressionInput:
    """Expression (P, G) to predict with, under its name in tables, and the patients that it is of."""

    name: str
    genes: Tensor
    donors: list[str | None]
    use_genes: bool


def audit_inputs(
    genes: Tensor, average: Tensor, patient_ids: list[str], settings: PredictSettings, *, reads_genes: bool
) -> list[ExpressionInput]:
    """The inputs of the audit, or the one input `not_used` of a network that reads no expression.

    `cohort_mean` is the training mean `average` (G,), `null_token` the learned token, `permuted-k` the expression of
    another test patient: nobody keeps their own. One test patient has no permutation.
    """
    if not reads_genes:
        return [without_genes(genes, NOT_USED)]
    mean = average.to(genes.dtype).expand_as(genes)
    inputs = [
        ExpressionInput(name=OWN, genes=genes, donors=list(patient_ids), use_genes=True),
        ExpressionInput(name=COHORT_MEAN, genes=mean, donors=[None] * len(patient_ids), use_genes=True),
        without_genes(genes, NULL_TOKEN),
    ]
    rng = np.random.default_rng(settings.seed)
    for index in range(settings.permutations if len(patient_ids) > 1 else 0):
        order = derangement(len(patient_ids), rng)
        donors: list[str | None] = [patient_ids[row] for row in order]
        permuted = genes[torch.from_numpy(order)]  # P G
        inputs.append(ExpressionInput(name=f"{PERMUTED}-{index}", genes=permuted, donors=donors, use_genes=True))
    return inputs


def without_genes(genes: Tensor, name: str) -> ExpressionInput:
    """The input that holds no expression, for as many patients as `genes` (P, G) has rows."""
    return ExpressionInput(name=name, genes=torch.zeros_like(genes), donors=[None] * len(genes), use_genes=False)


def derangement(count: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """A random permutation of 0..count-1 (at least 2) that leaves nothing in its place."""
    while True:
        order = rng.permutation(count)
        if not (order == np.arange(count)).any():
            return order
