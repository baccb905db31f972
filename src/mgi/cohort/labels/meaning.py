"""What texts and numbers of labels mean, whichever source has them: unknown, or a time and an event."""

from collections.abc import Collection

DAYS_PER_MONTH = 30.4375
UNKNOWN = (
    "", "--", "'--", "NA", "N/A", "NaN", "null", "Not Available", "Not Applicable", "Not Evaluated", "Not Reported",
    "Unknown", "Discrepancy",
)  # fmt: skip
"""Texts that mean unknown in every source, in upper or lower case, and in brackets too (`[Not Available]`)."""


def same_text(text: str) -> str:
    """What two spellings of a label's text have in common: case and blanks, and `1.0` is `1`."""
    plain = " ".join(text.split()).casefold()
    whole, point, rest = plain.partition(".")
    return whole if point and whole.lstrip("-").isdigit() and set(rest) <= {"0"} else plain


def is_unknown(text: str, more: Collection[str] = ()) -> bool:
    """Whether a text says nothing; `more` are further texts that do."""
    return _bare(text) in _USUAL or (bool(more) and _bare(text) in map(_bare, more))


def _bare(text: str) -> str:
    """A text as unknown ones are compared: without brackets too."""
    return same_text(text.strip().removeprefix("[").removesuffix("]"))


_USUAL = frozenset(map(_bare, UNKNOWN))


def usable_survival(
    time: float | None, event: bool | None, unit: str = "days"
) -> tuple[float | None, bool | None, str | None]:
    """Time in days and event where both are known and the time is above 0, else why not."""
    if time is None or event is None:
        lacking = [name for name, value in (("time", time), ("event", event)) if value is None]
        return None, None, f"no {' and no '.join(lacking)}"
    if time <= 0:
        return None, None, f"time {time:.4g} {unit}, not above 0"
    return time * (DAYS_PER_MONTH if unit == "months" else 1.0), event, None
