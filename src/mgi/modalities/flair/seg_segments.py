"""Which segments of a DICOM Segmentation are tumour: what each says of itself, by code, meaning and label.

A published object may hold organs beside the tumour; their union would be a mask of the brain. Necrosis, oedema and
enhancing parts belong to the whole tumour (PS3.16, context groups 7150 and 7151, and what tools write freely).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from mgi.core.errors import BadInputError
from mgi.modalities.flair.quarantine import printable

_ALTERED = ("49755003", "M-01000")
# Neoplasm (any, primary, secondary), mass, necrosis, oedema, lesion, glioma, glioblastoma in SNOMED CT; its old ids.
_TUMOUR_CODES = frozenset(
    (
        *("108369006", "86049000", "14799000", "4147007", "6574001", "79654002", "52988006", "393564001", "393563007"),
        *("M-8FFFF", "M-80003", "M-80006", "M-03000", "M-54000", "M-36300", "M-01100"),
    )
)
_TUMOUR = re.compile(
    r"\b(tumou?rs?|tumou?ral|\w*neoplas\w*|\w*gliomas?|\w*glioblastomas?|gbm|lgg|hgg|\w*astrocytomas?|ependymomas?|"
    r"metastas[ei]s|carcinomas?|cancer|malignan\w*|lesions?|mass|masses|o?edemas?|necro\w*|non ?enhancing|enhancing|"
    r"enhancement|infiltrat\w*|gtv\w*)\b"
)
_ABBREVIATIONS = frozenset(("wt", "tc", "et", "ed", "ncr", "net", "netc", "snfh", "core"))
_ENHANCING = re.compile(r"\bnon ?enhanc\w*")
_DENIED = re.compile(
    r"\b(no|non|not|without|minus|excluding|except|outside)\b.*\b(tumou?r|neoplas|gliom|lesion|mass|o?edema)|"
    r"\b(healthy|normal|uninvolved|contralateral|whole brain|brain mask|skull strip\w*|tumou?r bed)\b|"
    r"\b(resection|surgical|operative) (cavity|bed)\b"
)
_ANATOMY = re.compile(
    r"\b(brain ?stem|brain|head|skull|scalp|skin|eyes?|orbits?|ventric\w*|csf|cerebr\w*|cerebell\w*|white matter|"
    r"gr[ae]y matter|cortex|cortical|hippocamp\w*|thalam\w*|putamen|caudate|pallidum|amygdala|optic\w*|nerves?|"
    r"vessels?|arter\w*|veins?|sinus\w*|lobes?|liver|kidneys?|background|air)\b"
)
_OTHER_FINDING = re.compile(
    r"\b(infarct\w*|stroke|isch[ae]+mi\w*|ha?emorrhag\w*|bleed\w*|aneurysm\w*|calcifi\w*|implant\w*|scars?|"
    r"cavit\w*|demyelin\w*|plaques?|sclerosis|white matter (lesions?|hyperintens\w*)|art[ei]facts?)\b"
)


@dataclass(frozen=True, kw_only=True)
class Segment:
    """What one segment says of itself; codes and meanings are of its property's category and type."""

    number: int
    label: str
    category: tuple[str, str]
    kind: tuple[str, str]
    by_hand: bool
    description: str = ""

    @property
    def named(self) -> str:
        """Its label and type as a message has them."""
        said = self.kind[1] or self.category[1]
        return f"{self.label or 'without a label'} ({said or 'of no stated type'})"


def read_segments(dataset: Any, where: str) -> list[Segment]:
    """Read the SegmentSequence; use it inside `quarantine`. Raises BadInputError where two have one number."""
    found = [
        Segment(
            number=int(item.SegmentNumber),
            label=printable(str(item.get("SegmentLabel") or ""), 64).strip(),
            category=_code_of(item.get("SegmentedPropertyCategoryCodeSequence")),
            kind=_code_of(item.get("SegmentedPropertyTypeCodeSequence")),
            description=printable(str(item.get("SegmentDescription") or ""), 200),
            by_hand=str(item.get("SegmentAlgorithmType") or "").upper() == "MANUAL",
        )
        for item in dataset.get("SegmentSequence") or []
    ]
    if len({one.number for one in found}) < len(found):
        raise BadInputError(f"{where}: SegmentNumber: {[one.number for one in found]}, expected each once")
    return found


def choose_tumour(segments: Sequence[Segment], description: str, where: str) -> tuple[list[Segment], tuple[str, ...]]:
    """Return the segments that say tumour, and what was left out.

    A sole segment that says nothing at all is what the object's `description` says. Raises BadInputError where none
    says tumour, with all labels.
    """
    chosen = [one for one in segments if is_tumour(one)]
    if not chosen and len(segments) == 1 and _says_nothing(segments[0]) and says_tumour(description):
        return list(segments), (f"segment {segments[0].named} taken for the tumour that the series' name says",)
    if not chosen:
        found = ", ".join(one.named for one in segments) or "no segment"
        raise BadInputError(f"{where}: SegmentSequence: found {found}, expected one that says tumour")
    left_out = [one.named for one in segments if one not in chosen]
    return chosen, (f"left out segments that are no tumour: {', '.join(left_out)}",) if left_out else ()


def is_tumour(segment: Segment) -> bool:
    """Whether a segment says tumour: by type, label or description, else by category where none says another thing."""
    texts = _texts(segment)
    if any(map(_denies, texts)):
        return False
    if segment.kind[0] in _TUMOUR_CODES or any(map(says_tumour, texts)):
        return True
    meaning = _plain(segment.category[1])
    altered = segment.category[0] in _ALTERED or "morphologically a" in meaning
    return altered and not any(_ANATOMY.search(text) or _OTHER_FINDING.search(text) for text in texts)


def says_tumour(text: str) -> bool:
    """Whether a label or a description names a tumour or a part of one, in any spelling."""
    plain = _plain(text)
    if _denies(plain) or _is_finding_alone(plain):
        return False
    words = plain.split()
    return _TUMOUR.search(plain) is not None or (bool(words) and _ABBREVIATIONS.issuperset(words))


def _is_finding_alone(plain: str) -> bool:
    """Whether a text names another finding, such as white matter lesions, and no tumour beside it."""
    rest = _OTHER_FINDING.sub(" ", plain)
    return rest != plain and _TUMOUR.search(rest) is None


def _denies(plain: str) -> bool:
    return _DENIED.search(_ENHANCING.sub(" ", plain)) is not None


def _says_nothing(segment: Segment) -> bool:
    texts = _texts(segment)
    said = any(_ANATOMY.search(text) or _OTHER_FINDING.search(text) or _denies(text) for text in texts)
    return _plain(segment.kind[1]) in ("", "tissue") and not said


def _texts(segment: Segment) -> tuple[str, str, str]:
    return _plain(segment.label), _plain(segment.description), _plain(segment.kind[1])


def _plain(text: str) -> str:
    """Return lower case words: `TumorCore`, `tumor_core` and `TUMOR-CORE` are one."""
    parted = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text)
    return " ".join(re.sub(r"[^a-z0-9]+", " ", parted.lower()).split())


def _code_of(sequence: Any) -> tuple[str, str]:
    for item in (sequence or [])[:1]:
        value = item.get("CodeValue") or item.get("LongCodeValue") or item.get("URNCodeValue")
        return str(value or ""), printable(str(item.get("CodeMeaning") or ""), 64).strip()
    return "", ""
