"""Sizes and counts that others state: of any type and any length until they were looked at."""

from mgi.core.text import printable

MOST_BYTES = 1 << 50


def stated_count(stated: object, most: int = MOST_BYTES) -> int:
    """A size or count as a whole number; raises ValueError where it is none, or where no archive can mean it."""
    if isinstance(stated, int):
        number = stated
    else:
        text = str(stated).strip()[:60]
        try:
            number = int(text) if text.isdecimal() else int(float(text))
        except OverflowError:
            raise ValueError(f"found {printable(text)}, expected a number from 0 to {most}") from None
    if not 0 <= number <= most:
        raise ValueError(f"found {shown_count(number)}, expected a number from 0 to {most}")
    return number


def shown_count(number: int) -> str:
    """A number as it is, or by its size where nobody would read it and Python may refuse to write it."""
    if abs(number) < 10**18:
        return str(number)
    return "more than 10^18" if number > 0 else "less than -10^18"
