"""First weights of a module that do not depend on what is built beside it."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded_by_name(name: str) -> Iterator[None]:
    """Initial weights within depend on torch's first seed and this name alone, and torch's generator is left alone.

    So a module begins alike whatever else is built beside it, and in whatever order.
    """
    seed = hashlib.sha256(f"{torch.initial_seed()} {name}".encode()).digest()
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(int.from_bytes(seed[:6], "big"))
        yield
