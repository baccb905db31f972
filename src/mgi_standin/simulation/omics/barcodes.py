"""Barcodes of what was measured: aliquots of tumours and of the normal tissue beside them, and portions.

Source: the GDC's "TCGA Barcode" encyclopedia entry; the last two digits name the centre, D is DNA and R is RNA.
"""

from mgi_standin.simulation.identifiers import uuid_of
from mgi_standin.simulation.settings import Omics

ANALYTE_CENTRE: dict[Omics, tuple[str, str]] = {
    "cn": ("D", "01"), "mutation": ("D", "08"), "methylation": ("D", "05"), "mirna": ("R", "13"), "rppa": ("", "20"),
}  # fmt: skip
SOLID_NORMAL_SHARE = 0.15  # 11A beside the tumour; the others have blood, 10A
FIRST_PORTION, RPPA_PORTION = 11, 21


def plate_of(patient_id: str, modality: str, key: str) -> str:
    """A plate of its own for each kind of data."""
    return f"A{int(uuid_of(key, patient_id, modality, 'plate')[:4], 16) % 1000:03d}"


def tumour_barcode(patient_id: str, sample: str, modality: Omics, key: str, again: int = 0) -> str:
    """The aliquot (28 characters) of a sample such as "01A"; of proteins, the portion with plate and centre."""
    analyte, centre = ANALYTE_CENTRE[modality]
    portion = (FIRST_PORTION if analyte else RPPA_PORTION) + again
    return f"{patient_id}-{sample}-{portion}{analyte}-{plate_of(patient_id, modality, key)}-{centre}"


def normal_barcode(patient_id: str, modality: Omics, key: str) -> str:
    """The aliquot of normal tissue that a tumour is compared with, the same tissue in all kinds of data."""
    solid = int(uuid_of(key, patient_id, "normal")[:2], 16) / 256 < SOLID_NORMAL_SHARE
    analyte, centre = ANALYTE_CENTRE[modality]
    plate = plate_of(patient_id, modality, key)
    return f"{patient_id}-{'11A' if solid else '10A'}-01{analyte}-{plate}-{centre}"


def portion_of(barcode: str) -> str:
    """The portion of a barcode: TCGA-XX-XXXX-01A-21."""
    return barcode[:19]
