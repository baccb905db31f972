"""Work ahead in threads without losing order or bound: for bytes that libraries unpack outside of Python's lock."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_ahead(
    function: Callable[[Item], Result], items: Iterable[Item], *, threads: int, ahead: int | None = None
) -> Generator[Result]:
    """The results in the order of the items, while `threads` threads work on the next ones.

    At most `ahead` + 1 results exist besides the one in use (`ahead` is the number of threads unless it is given),
    however many items there are. The first item that fails raises when its turn comes; what was not begun by then never
    is. With one thread the items are worked on in their order.
    """
    most = threads if ahead is None else ahead
    waiting: deque[Future[Result]] = deque()
    with ThreadPoolExecutor(max_workers=threads) as pool:
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > most:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
