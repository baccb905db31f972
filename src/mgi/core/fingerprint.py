"""One digest for a list of names, the same wherever it is computed."""

import hashlib
from collections.abc import Iterable


def digest_of(strings: Iterable[str]) -> str:
    """SHA-256 of the strings in the given order, joined by newlines."""
    return hashlib.sha256("\n".join(strings).encode()).hexdigest()
