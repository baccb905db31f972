"""What may happen to a file between who wrote it and who reads it."""

import random
import re
from pathlib import Path
from typing import NamedTuple

KINDS = ("flip", "flip", "flip", "flip", "cut", "edit", "noise")
"""Drawn from with equal chances: most are one flipped bit."""


class Corruption(NamedTuple):
    """The bytes that take the file's place, and what was done, in a few words."""

    content: bytes
    what: str


def corruption(content: bytes, rng: random.Random) -> Corruption:
    """One bit flipped, the end cut off, a digit replaced, or a stretch overwritten."""
    kind = rng.choice(KINDS)
    if kind == "cut":
        length = rng.randrange(len(content))
        return Corruption(content[:length], f"cut to {length} bytes")
    if kind == "edit" and (digits := [found.start() for found in re.finditer(rb"[0-9]", content)]):
        place = rng.choice(digits)
        digit = rng.choice([one for one in b"0123456789" if one != content[place]])
        return Corruption(content[:place] + bytes([digit]) + content[place + 1 :], f"digit {place} replaced")
    place = rng.randrange(len(content))
    if kind == "noise":
        length = min(rng.choice((2, 16, 200)), len(content) - place)
        return Corruption(content[:place] + rng.randbytes(length) + content[place + length :], f"noise at {place}")
    bit = rng.randrange(8)
    return Corruption(content[:place] + bytes([content[place] ^ 1 << bit]) + content[place + 1 :], f"bit {place}.{bit}")


def swaps(own: Path, other: Path, name: str) -> list[dict[str, Corruption]]:
    """The file of other results in its place, alone and with the digest beside it; none where both are equal."""
    if not (other / name).is_file() or (content := (other / name).read_bytes()) == (own / name).read_bytes():
        return []
    swapped = {name: Corruption(content, "of other results")}
    beside = f"{name}.sha256"
    if not (other / beside).is_file():
        return [swapped]
    return [swapped, {**swapped, beside: Corruption((other / beside).read_bytes(), "of other results")}]
