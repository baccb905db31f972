"""TCGA barcodes: patient TCGA-XX-XXXX, sample TCGA-XX-XXXX-01A, aliquot of 28 characters; and UIDs of DICOM.

Source: the GDC's "TCGA Barcode" encyclopedia entry; DICOM PS3.5, section 9.
"""

import re

from mgi.core.errors import BadInputError

_PATIENT = re.compile(r"^TCGA[-_]([A-Z0-9]{2})[-_]([A-Z0-9]{4})(?![A-Z0-9])", re.IGNORECASE)
_SAMPLE = re.compile(r"^(TCGA-[A-Z0-9]{2}-[A-Z0-9]{4}-(\d{2})[A-Z]?)(?![A-Z0-9])", re.IGNORECASE)

_UID = re.compile(r"[0-9]+(\.[0-9]+){1,20}")
LONGEST_UID = 64

PRIMARY_TUMOUR = "01"


def patient_id_of(label: str) -> str:
    """The patient of a barcode, file or folder name: `TCGA_CS_4942_19970222` gives `TCGA-CS-4942`.

    Raises BadInputError where the label does not begin with a TCGA patient.
    """
    found = _PATIENT.match(label.strip())
    if found is None:
        raise BadInputError(f"'{label}': not a TCGA barcode; expected TCGA-XX-XXXX at its start")
    return f"TCGA-{found[1]}-{found[2]}".upper()


def site_of(patient_id: str) -> str:
    """The tissue source site, characters 6 and 7 of a barcode: the hospital that supplied the patient."""
    return patient_id_of(patient_id)[5:7]


def sample_of(barcode: str) -> str | None:
    """The sample part of a barcode (`TCGA-XX-XXXX-01A`), or None where the label stops at the patient."""
    found = _SAMPLE.match(barcode.strip().replace("_", "-"))
    return found[1].upper() if found else None


def sample_code_of(barcode: str) -> str | None:
    """Characters 14 and 15: 01 primary tumour, 02 recurrent, 11 normal tissue; None where there is no sample part."""
    found = _SAMPLE.match(barcode.strip().replace("_", "-"))
    return found[2] if found else None


def is_primary(barcode: str) -> bool:
    """Whether the barcode names a sample of a primary tumour."""
    return sample_code_of(barcode) == PRIMARY_TUMOUR


def is_dicom_uid(text: str) -> bool:
    """Whether a text is a DICOM UID: digits and points, 64 at most, and so fit for a file name."""
    return len(text) <= LONGEST_UID and _UID.fullmatch(text) is not None
