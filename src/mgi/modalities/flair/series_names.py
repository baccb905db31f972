"""What a series' name says of it: FLAIR or not, plane, contrast.

Names are joined words as often as not ("AXFLAIR", "OCOR T2FLAIR"), so words of sequences are cut out before the plane
is looked for.
"""

import re

_WORD = r"(?<![a-z]){}(?![a-z])"
_FLAIR = re.compile(r"flair|dark.?fluid|tirm", re.IGNORECASE)
_T1 = re.compile(r"t1(?!\d)", re.IGNORECASE)
# A number one that is no T1: slice thickness, parts and repeats.
_NO_T1 = re.compile(r"(?<![a-z])(st|slt|thk|post|part|pat|pt|test|rpt|repeat) ?1(?!\d)", re.IGNORECASE)
_DERIVED = re.compile(
    _WORD.format(r"(seg|segmentation|mpr|mpvr|mip|minip|reformat\w*|subtract\w*|localizer|scout|dwi|adc|perf\w*)"),
    re.IGNORECASE,
)
_SEQUENCE = re.compile(
    r"flair|tirm|dark.?fluid|t[12]w?|ir-?fse|fr-?fse|[ft]se|fs|fatsat|cube|space|propeller|blade|[23]d|brain|head|obl\w*|"
    r"(?<![a-z])(pre|post)",
    re.IGNORECASE,
)
_AXIAL = re.compile(_WORD.format(r"o?(ax|axials?|tra|trans|transverse|transversal)"), re.IGNORECASE)
_OTHER_PLANE = re.compile(_WORD.format(r"o?(sag\w*|cor|coronals?)"), re.IGNORECASE)
_CONTRAST = re.compile(_WORD.format(r"(post|gd|gad\w*)") + r"|\+\s?c\b", re.IGNORECASE)


def refusal_by_name(description: str) -> str | None:
    """Return why a series of this name is no FLAIR that was taken as it is, or None."""
    name = _spaced(description)
    if found := _DERIVED.search(name):
        return f"name says {found[0].lower()}"
    if not _FLAIR.search(name):
        return "no FLAIR in the name"
    return "a T1 FLAIR" if _T1.search(_NO_T1.sub(" ", name)) else None


def points_by_name(description: str) -> float:
    """Return 1 for a FLAIR, half a point more where its name says axial, less for another plane or contrast."""
    name = _spaced(description)
    planes = _SEQUENCE.sub(" ", name)
    points = 1.0 + 0.5 * bool(_AXIAL.search(planes)) - 0.5 * bool(_OTHER_PLANE.search(planes))
    return points - 0.25 * bool(_CONTRAST.search(name))


def _spaced(description: str) -> str:
    return re.sub(r"[_/\\.,-]+", " ", description)
