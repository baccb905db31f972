"""Which part of a complex image a slice shows: what radiologists read as a FLAIR is the magnitude.

Scanners may store phase, real and imaginary images beside it, in the same series and at the same places.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mgi.core.errors import BadInputError

MAGNITUDE = "magnitude"
_PARTS = {
    **dict.fromkeys(("M", "MAG", "MAGNITUDE"), MAGNITUDE),
    **dict.fromkeys(("P", "PHA", "PHASE"), "phase"),
    **dict.fromkeys(("R", "REAL"), "real"),
    **dict.fromkeys(("I", "IMAG", "IMAGINARY"), "imaginary"),
}

# (0043,102F), where (0043,0010) reserves the block.
GE_BLOCK, GE_PART = "GEMS_PARM_01 block", "GEMS_PARM_01 image part"
_GE_PARTS = {1: "phase", 2: "real", 3: "imaginary"}


def complex_part(header: Mapping[str, Any], where: str) -> str | None:
    """Return "magnitude", "phase", "real" or "imaginary", None where neither element says it.

    ImageType has it as its third value or, after a word of the vendor's, as its fourth: `M`, `M_IR`, `PHASE MAP`.
    Raises BadInputError where ImageType and ComplexImageComponent contradict each other.
    """
    said = parts_said(header)
    if len(set(said)) > 1:
        found = " and ".join(dict.fromkeys(said))
        raise BadInputError(f"{where}: ImageType and ComplexImageComponent: say {found}, expected one of them")
    return said[0] if said else None


def parts_said(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the part that ComplexImageComponent, ImageType and GE's own element say, where they say one.

    That GE writes 0 for the magnitude is no evidence of one.
    """
    own = [part for word in _words(header.get("ComplexImageComponent")) if (part := _part_of(word))]
    typed = [part for word in _words(header.get("ImageType"))[2:4] if (part := _part_of(word))]
    is_ge = header.get(GE_BLOCK) == "GEMS_PARM_01"
    number = header.get(GE_PART)
    private = [_GE_PARTS[number]] if is_ge and isinstance(number, int) and number in _GE_PARTS else []
    return (*own[:1], *typed[:1], *private)


def _words(value: Any) -> list[str]:
    if value is None or isinstance(value, str):
        return [value] if value else []
    return [str(word) for word in value] if isinstance(value, Sequence) else []


def _part_of(word: str) -> str | None:
    first = word.upper().replace("_", " ").split()[:1]
    return _PARTS.get(first[0]) if first else None
