"""Where images and masks come from."""

from typing import ClassVar, Literal

from mgi.core.section import Positive, UserPath
from mgi.locks.settings import Address, FetchSettings


class FlairSettings(FetchSettings):
    """FLAIR images with tumour masks."""

    default_run: ClassVar = {"archive": "data/lgg-mri-segmentation.zip"}
    read_by: ClassVar = {
        "archive": ("kaggle",),
        "folder": ("nifti", "dicom"),
        "manifest": ("tcia", "dicom"),
        "patients": ("tcia", "dicom"),
        "collection": ("tcia",),
        "base_url": ("tcia",),
    }
    source: Literal["kaggle", "tcia", "nifti", "dicom"] = "kaggle"
    """kaggle: a zip on disk; tcia: the TCIA collection below (DICOM, with SEG masks); nifti: a folder in the layout
    of BraTS-TCGA-LGG; dicom: a folder of DICOM files."""
    archive: UserPath | None = None
    """For source kaggle: path of the zip, read in place."""
    folder: UserPath | None = None
    """For sources nifti and dicom: path of the folder, read in place."""
    manifest: UserPath | None = None
    """For sources tcia and dicom: path of a .tcia list, the only series to use; dicom: of a General Commons CSV."""
    patients: UserPath | None = None
    """For sources tcia and dicom: path of a TSV (id, patient_id) where patient ids are not TCGA barcodes."""
    collection: str = "TCGA-LGG"
    """For source tcia: the collection."""
    base_url: Address = "https://nbia.cancerimagingarchive.net/nbia-api/services/v4"
    """For source tcia: address of its interface."""
    min_images: Positive = 15
    """A series with fewer images is a localiser, not a brain."""
