"""What the name of a slide's file says: whose it is, and how the tissue was prepared.

TCGA's are like `TCGA-XX-XXXX-01Z-00-DX1.<UUID>.svs`. DX is a diagnostic slide, of tissue fixed in formalin and embedded
in paraffin. TS and BS are frozen sections from above and below the piece that was sequenced. Other names are an id, or
an id with more behind `__`.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from mgi.core.ids import barcode_of, patient_id_of
from mgi.locks.item import Item

FILE_NAME = "file_name"
"""The entry of an item's metadata that has the name of its file, where the key is an archive's id."""
DIAGNOSTIC, FROZEN, UNKNOWN = "diagnostic", "frozen", "unknown"
_SECTION = re.compile(r"-(?P<kind>DX|TS|BS)(?P<number>[0-9A-Z]{0,2})(?![A-Za-z0-9])", re.IGNORECASE)
_BEHIND_ID = "__"


@dataclass(frozen=True, kw_only=True)
class SlideName:
    """`label` is what to call the slide in a reason (DX1), `number` ranks those of a kind, `sample` is its barcode."""

    slide_id: str
    patient_id: str
    kind: str
    label: str
    number: int
    sample: str | None
    sample_code: str | None


def slide_name_of(key: str, patient_id: str | None = None) -> SlideName:
    """Read the name of a file, given by its path; `patient_id` is what the user's list says.

    Raises BadInputError where the name begins with no barcode and no id.
    """
    stem = PurePosixPath(key).stem
    barcode = barcode_of(stem)
    patient = patient_id or (barcode.patient_id if barcode else patient_id_of(stem.split(_BEHIND_ID)[0]))
    found = _SECTION.search(stem) if barcode else None
    kind = UNKNOWN if found is None else DIAGNOSTIC if found["kind"].upper() == "DX" else FROZEN
    digits = "" if found is None else found["number"]
    return SlideName(
        slide_id=stem,
        patient_id=patient,
        kind=kind,
        label=stem if found is None else found[0][1:].upper(),
        number=int(digits) if digits.isdecimal() else ord(digits[0].upper()) if digits else 0,
        sample=barcode.sample if barcode else None,
        sample_code=barcode.code if barcode else None,
    )


def name_of(item: Item) -> SlideName:
    """What the name of an item's file says, the patient being the item's."""
    return slide_name_of(item.text(FILE_NAME) or item.key, item.patient_id)
