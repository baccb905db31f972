"""Threads that ask at the same time get one value, computed once."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from mgi.core.computed_once import computed_once


class Slow:
    def __init__(self) -> None:
        self.computed = 0

    @computed_once
    def value(self) -> object:
        """Takes long enough for every thread to ask."""
        self.computed += 1
        time.sleep(0.05)
        return object()


def test_threads_that_ask_together_share_one_value() -> None:
    shared, together = Slow(), Barrier(8)

    def asked(_: int) -> object:
        together.wait()
        return shared.value

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(asked, range(8)))
    assert shared.computed == 1
    assert all(one is found[0] for one in found)


def test_each_instance_has_its_own() -> None:
    one, other = Slow(), Slow()
    assert one.value is one.value
    assert one.value is not other.value
    assert isinstance(Slow.value, computed_once)
