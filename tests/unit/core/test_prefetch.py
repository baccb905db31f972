import threading

import pytest

from mgi.core.prefetch import map_ahead


def test_results_come_in_the_order_of_the_items_whoever_finishes_first() -> None:
    gate = threading.Event()

    def slow_first(item: int) -> int:
        if item == 0:
            gate.wait(5)
        else:
            gate.set()
        return item * item

    assert list(map_ahead(slow_first, range(6), threads=2)) == [0, 1, 4, 9, 16, 25]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_no_more_than_one_item_a_thread_and_one_are_ahead_of_the_reader(threads: int) -> None:
    begun = []
    results = map_ahead(lambda item: begun.append(item) or item, range(20), threads=threads)
    for taken in range(20):
        assert next(results) == taken
        assert len(begun) <= taken + threads + 1


def test_the_first_failure_is_raised_in_its_turn_and_nothing_new_begins() -> None:
    begun: list[int] = []

    def fails_at_two(item: int) -> int:
        begun.append(item)
        if item == 2:
            raise ValueError("two")
        return item

    results = map_ahead(fails_at_two, range(100), threads=2)
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="two"):
        next(results)
    assert max(begun) <= 5


def test_no_items_give_no_results() -> None:
    assert list(map_ahead(str, [], threads=2)) == []


def test_one_thread_may_run_further_ahead_and_keeps_the_order_of_its_work() -> None:
    begun: list[int] = []
    results = map_ahead(lambda item: begun.append(item) or item, range(20), threads=1, ahead=3)
    for taken in range(20):
        assert next(results) == taken
        assert len(begun) <= taken + 4
    assert begun == list(range(20))
