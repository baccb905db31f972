"""Where images and masks come from."""

import json
from typing import Annotated, ClassVar, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from mgi.core.section import Distinct, Positive, Section, UserPath, refusal
from mgi.locks.settings import Address, FetchSettings
from mgi.shards.channels import CHANNELS, MAIN, MAIN_ALONE, Channel, in_order, shown_channels


def _as_in_the_files(channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    if not in_order(channels):
        expected = f"some of {shown_channels(CHANNELS)} in this order, {MAIN} among them"
        raise refusal("", json.dumps(channels), expected)
    return channels


Label = Annotated[int, Field(ge=-32_768, le=65_535)]


class LabelSettings(Section):
    """What the numbers of a label map mean; a map that holds another number is refused."""

    tumour: Annotated[Distinct[Label], Field(min_length=1)] = (1, 2, 4)
    """Labels that are tumour."""
    background: Distinct[Label] = (0,)
    """Labels that are not, such as a resection cavity."""

    @model_validator(mode="after")
    def _no_label_is_both(self) -> Self:
        if both := sorted(set(self.tumour) & set(self.background)):
            raise refusal("background", both[0], "labels that are not tumour too")
        return self


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
        "labels": ("nifti", "dicom"),
        "channels": ("kaggle",),
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
    labels: LabelSettings | None = None
    """For sources nifti and dicom: what the numbers of NIfTI label maps mean, such as {tumour: [1, 2, 3]}; null: 1, 2
    and 4 are tumour (BraTS), and so is 255 in a mask of 0 and 255."""
    channels: Annotated[tuple[Channel, ...], Field(strict=False), AfterValidator(_as_in_the_files)] = MAIN_ALONE
    """For source kaggle: what the networks see, in the order of the archive's files: pre (T1 before contrast), flair,
    post (T1 after contrast). Other sources have flair alone."""
