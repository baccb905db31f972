"""A JSON reply as values: what JSON does not allow, or what no service means, is refused with a word."""

import json
import math
from collections import Counter
from typing import Any, NoReturn

from mgi.core.text import escaped, printable

# No count, size or id of a service has more digits; longer ones cannot be turned to text again, or overflow.
MOST_DIGITS = 25
# An empty object is 2 bytes in a reply and 64 in memory: a reply takes up to 28 times its size, 0.5 GB at this bound.
MOST_VALUES = 4_000_000


class OverfullError(ValueError):
    """A reply with more values than any listing has; another attempt would bring the same."""


def parsed(body: bytes) -> Any:
    """The value of a reply, with every control character in its texts escaped; None for an empty body.

    Raises ValueError, in a few words: not UTF-8, not JSON, nested too deep, NaN, a number without end, a key twice.
    OverfullError for what would fill the memory.
    """
    if not body.strip():
        return None
    # Marks within texts are counted too; that many have no place there either.
    if sum(body.count(mark) for mark in (b"[", b"{", b",")) > MOST_VALUES:
        raise OverfullError(f"the reply holds more than {MOST_VALUES} values")
    try:
        return _clean(
            json.loads(
                body.decode("utf-8-sig"),
                object_pairs_hook=_object,
                parse_int=_integer,
                parse_float=_real,
                parse_constant=_refuse_constant,
            )
        )
    except RecursionError:
        raise ValueError("nested too deep") from None
    except UnicodeDecodeError as error:
        raise ValueError(f"not UTF-8 at byte {error.start}") from None


def _integer(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError(f"a number of {len(digits)} digits")
    return int(digits)


def _real(text: str) -> float:
    if math.isinf(number := float(text)):
        raise ValueError(f"the number {printable(text, 20)}, which is beyond any")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"the value {name}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = {escaped(key): _clean(item) for key, item in pairs}
    if len(value) < len(pairs):
        ((twice, _),) = Counter(escaped(key) for key, _ in pairs).most_common(1)
        raise ValueError(f"the key '{printable(twice)}' twice in an object")
    return value


def _clean(value: Any) -> Any:
    """The value with its texts escaped; objects in it are clean already."""
    if type(value) is str:
        return escaped(value)
    if type(value) is list:
        for position, item in enumerate(value):
            if type(item) is str or type(item) is list:
                value[position] = _clean(item)
    return value
