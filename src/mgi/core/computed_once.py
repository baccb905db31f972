"""A cached property that threads share."""

from collections.abc import Callable
from functools import cached_property
from threading import RLock
from typing import Any, Self, TypeVar, overload

T = TypeVar("T")


class computed_once(cached_property[T]):  # noqa: N801 - reads as the decorator that it is
    """As functools' cached_property, which has no lock since Python 3.12: the first thread computes, others wait."""

    def __init__(self, compute: Callable[[Any], T]) -> None:
        super().__init__(compute)
        self._computing = RLock()

    @overload
    def __get__(self, instance: None, owner: type[Any] | None = None) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type[Any] | None = None) -> T: ...
    def __get__(self, instance: object, owner: type[Any] | None = None) -> Any:
        """Reached only until the value lies in the instance."""
        if instance is None:
            return self
        with self._computing:
            return super().__get__(instance, owner)
