"""Who is given whose, where nobody may keep their own: the control that breaks pairs and nothing else.

There are two draws, and one is no substitute for the other: trainings and predictions of earlier runs depend on them.
"""

import numpy as np
import torch
from torch import Tensor


def cyclic_derangement(count: int, seed: int) -> Tensor:
    """For each place (N,) the place whose content comes there, never itself; one alone keeps its own.

    All stand in a random round, and each is given what the neighbour before has. So all are one cycle, which is not a
    uniform draw of all such orders. It is one draw for any count, so trainings use it.
    """
    order = np.random.default_rng(seed).permutation(count)
    taken = np.empty(count, np.int64)
    taken[order] = np.roll(order, 1)
    return torch.from_numpy(taken)


def uniform_derangement(count: int, rng: np.random.Generator) -> Tensor:
    """The same (N,) of at least two, each such order as likely as any other: what the permutations of an audit are.

    Random orders are drawn until one leaves nothing in its place, about 2.7 on average. The generator goes on, so that
    a next call draws another one.
    """
    if count < 2:
        raise ValueError(f"count: found {count}, expected 2 at least")
    while True:
        order = rng.permutation(count)
        if not (order == np.arange(count)).any():
            return torch.from_numpy(order)
