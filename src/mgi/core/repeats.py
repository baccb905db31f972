"""What occurs more than once in a list of labels, where each must be the only one of its name."""

from collections.abc import Iterable


def first_repeated(labels: Iterable[str]) -> str | None:
    """Return the first label that was there before, None where all differ."""
    seen = set[str]()
    for label in labels:
        if label in seen:
            return label
        seen.add(label)
    return None
