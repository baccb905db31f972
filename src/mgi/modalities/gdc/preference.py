"""Which of a patient's eligible profiles is the best: each step of the rule in order, and what it left behind.

Source: the replicate filters of the Broad's Firehose (analyte H before R before T, then the later plate, then the
higher barcode; of DNA the later plate, then D before what was amplified from it). It takes frozen tissue alone, so
formalin-fixed vials come last here. Before all of these stands the sample that another modality of the patient is of.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from mgi.core.ids import barcode_of, sample_code_of, sample_of, with_hyphens
from mgi.locks.item import Item

PRESERVATION = "preservation"
"""The entry of an item's metadata that says how its sample was kept; absent where that is not known."""
NORMAL = "normal"
"""The entry that has the barcode of the matched normal, of what is of a pair."""
ANALYTES = "HRT"
AMPLIFIED = ("G", "W", "X")
FIXED_LAST = "frozen before formalin-fixed (FFPE)"
OTHER_SAMPLE = "another sample than the patient's other data"
VIAL_A_FIRST = "vial A before B where the preservation is not stated"
_FIXED = re.compile(r"ffpe|formalin|paraffin", re.IGNORECASE)
_ALIQUOT = re.compile(
    r"TCGA[-_]\w{2}[-_]\w{4}[-_]\d{2}(?P<vial>[A-Z]?)"
    r"(?:[-_](?P<portion>\d{2})(?P<analyte>[A-Z]?)(?:[-_](?P<plate>[A-Z0-9]{4})(?:[-_](?P<center>\d{2}))?)?)?"
    r"(?![A-Z0-9])",
    re.IGNORECASE,
)


class Profile(NamedTuple):
    """What a barcode and the archive say of a profile; empty where they do not."""

    fixed: bool
    stated: bool
    has_sample: bool
    vial: str
    portion: str
    analyte: str
    plate: str
    center: str
    normal: str
    is_other_sample: bool


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The best item; `against` says by key why another is not (nothing where the plate or the barcode decided).

    `tied` are the items that nothing tells from the best.
    """

    item: Item
    against: Mapping[str, str]
    tied: tuple[Item, ...] = ()


# Smaller is better; None where the step does not apply to the profiles that are left.
_STEPS: tuple[tuple[str, Callable[[Profile], Any]], ...] = (
    (OTHER_SAMPLE, lambda one: one.is_other_sample),
    (FIXED_LAST, lambda one: one.fixed),
    ("a sample's barcode before a patient's", lambda one: not one.has_sample),
    (VIAL_A_FIRST, lambda one: one.vial or "~"),
    ("analyte H before R before T", lambda one: (ANALYTES + one.analyte).index(one.analyte) if one.analyte else 9),
    ("", lambda one: _descending(one.plate)),
    ("analyte D before what was amplified", lambda one: one.analyte in AMPLIFIED),
    ("", lambda one: (_descending(one.vial), _descending(one.portion), _descending(one.center))),
    ("normal of blood before one of tissue", lambda one: sample_code_of(one.normal) or ""),
    ("", lambda one: _descending(one.normal)),
)
_VIALS = 3


def is_fixed(item: Item) -> bool:
    """Whether the archive says that the sample was fixed in formalin, which degrades what is measured."""
    return _FIXED.search(item.text(PRESERVATION)) is not None


def best_of(items: Sequence[Item], label_of: Callable[[Item], str], sample: str | None = None) -> Choice:
    """The best of one patient's eligible profiles, with those that nothing tells from it.

    One of `sample`, that of the patient's other data, comes before all others.
    """
    left = [(item, _profile(item, label_of(item), sample)) for item in items]
    against: dict[str, str] = {}
    for place, (reason, key) in enumerate(_STEPS):
        if place == _VIALS and all(one.stated for _, one in left):
            continue
        least = min(key(one) for _, one in left)
        against |= {item.key: reason for item, one in left if key(one) != least}
        left = [(item, one) for item, one in left if key(one) == least]
    first, *others = sorted((item for item, _ in left), key=lambda item: item.key)
    same_bytes = first.md5 is not None and all(other.md5 == first.md5 for other in others)
    return Choice(item=first, against=against, tied=() if same_bytes else tuple(others))


def _profile(item: Item, label: str, sample: str | None) -> Profile:
    barcode, found = barcode_of(label), _ALIQUOT.match(with_hyphens(label))
    parts = {name: (value or "").upper() for name, value in (found.groupdict() if found else {}).items()}
    return Profile(
        fixed=is_fixed(item),
        stated=bool(item.text(PRESERVATION)),
        has_sample=barcode is not None and barcode.code is not None,
        normal=item.text(NORMAL),
        is_other_sample=sample is not None and sample_of(label) != sample,
        **{name: parts.get(name, "") for name in ("vial", "portion", "analyte", "plate", "center")},
    )


def _descending(text: str) -> tuple[int, ...]:
    """Sort texts from the last to the first, a missing one behind all."""
    return (*(-ord(letter) for letter in text), 0) if text else (1,)
