"""Who is given whose, where nobody may keep their own: the control that breaks pairs and nothing else."""

import numpy as np
import torch
from torch import Tensor


def derangement(count: int, seed: int) -> Tensor:
    """For each place (N,) the place whose content comes there, never itself; one alone keeps its own.

    All stand in a random round, and each is given what the neighbour before has. So all are one cycle, which is not a
    uniform draw of all such orders.
    """
    order = np.random.default_rng(seed).permutation(count)
    taken = np.empty(count, np.int64)
    taken[order] = np.roll(order, 1)
    return torch.from_numpy(taken)
