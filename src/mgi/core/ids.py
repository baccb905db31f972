"""Who a label belongs to: any safe text is a patient id, and a TCGA barcode is one that says more.

Patient TCGA-XX-XXXX, sample TCGA-XX-XXXX-01A, aliquot of 28 characters. Sources: the GDC's "TCGA Barcode" encyclopedia
entry; for UIDs DICOM PS3.5, section 9.
"""

import re
from typing import NamedTuple

from mgi.core.errors import BadInputError

LONGEST_ID, LONGEST_UID = 64, 64
PRIMARY_TUMOUR = "01"

_SAFE = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9._-]{{0,{LONGEST_ID - 1}}}")
_BARCODE = re.compile(
    r"TCGA[-_](?P<site>[A-Z0-9]{2})[-_](?P<participant>[A-Z0-9]{4})(?![A-Z0-9])"
    r"(?:[-_](?P<code>\d{2})(?P<vial>[A-Z]?)(?![A-Z0-9]))?",
    re.IGNORECASE,
)
# As R's check.names writes them: whole labels only, since an id of one's own may have points; `.1` tells a copy apart.
_WITH_POINTS = re.compile(
    r"TCGA\.[A-Z0-9]{2}\.[A-Z0-9]{4}(?:\.\d{2}[A-Z]?(?:\.\d{2}[A-Z]?(?:\.[A-Z0-9]{4}(?:\.\d{2})?)?)?)?(?:\.\d)?",
    re.IGNORECASE,
)
_NEARLY = re.compile(r"TCGA([-_]|$)", re.IGNORECASE)
_UID = re.compile(r"[0-9]+(\.[0-9]+){1,20}")


class Barcode(NamedTuple):
    """What a TCGA barcode says; `code` of its `sample`, if it has one: 01 primary tumour, 02 recurrent, 11 normal."""

    patient_id: str
    site: str
    sample: str | None
    code: str | None


def barcode_of(label: str) -> Barcode | None:
    """The barcode at the start of a label, file or folder name, such as `TCGA_CS_4942_19970222`; None without one.

    A whole label may have points for hyphens (`TCGA.CS.4942.01A`).
    """
    found = _BARCODE.match(with_hyphens(label))
    if found is None:
        return None
    patient = f"TCGA-{found['site']}-{found['participant']}".upper()
    sample = None if found["code"] is None else f"{patient}-{found['code']}{found['vial']}".upper()
    return Barcode(patient_id=patient, site=found["site"].upper(), sample=sample, code=found["code"])


def with_hyphens(label: str) -> str:
    """A label without blanks around it; hyphens for the points of a barcode that R has written."""
    label = label.strip()
    return label.replace(".", "-") if _WITH_POINTS.fullmatch(label) else label


def patient_id_of(label: str) -> str:
    """The patient of a label: that of the barcode at its start, else the label itself.

    Raises BadInputError where it is no safe text, or begins as a barcode and is none.
    """
    if (barcode := barcode_of(label)) is not None:
        return barcode.patient_id
    if _NEARLY.match(label.strip()):
        raise BadInputError(f"'{label}': not a TCGA barcode; expected TCGA-XX-XXXX at its start")
    if _SAFE.fullmatch(label.strip()) is None:
        raise BadInputError(
            f"{label[:80]!r}: not a patient id; expected at most {LONGEST_ID} letters, digits, '-', '_' and '.', "
            "a letter or digit first"
        )
    return label.strip()


def named_patient(label: str) -> str:
    """The patient whom a list of the config names: by a barcode, or by the id itself."""
    return barcode.patient_id if (barcode := barcode_of(label)) is not None else label


def is_patient_id(label: str) -> bool:
    """Whether a label names a patient."""
    try:
        patient_id_of(label)
    except BadInputError:
        return False
    return True


def same_id(label: str) -> str:
    """What two spellings of an id have in common: case, surrounding spaces, `_` for `-` say nothing."""
    return label.strip().replace("_", "-").upper()


def sample_of(label: str) -> str | None:
    """The sample part of a barcode (`TCGA-XX-XXXX-01A`), or None where the label has none."""
    return barcode.sample if (barcode := barcode_of(label)) else None


def sample_code_of(label: str) -> str | None:
    """01 primary tumour, 02 recurrent, 11 normal tissue; None where there is no sample part."""
    return barcode.code if (barcode := barcode_of(label)) else None


def is_primary(label: str) -> bool:
    """Whether a barcode names a sample of a primary tumour."""
    return sample_code_of(label) == PRIMARY_TUMOUR


def is_dicom_uid(text: str) -> bool:
    """Whether a text is a DICOM UID: digits and points, 64 at most, and so fit for a file name."""
    return len(text) <= LONGEST_UID and _UID.fullmatch(text) is not None
