"""Whether a DICOM file will be accepted when the shard is made: it is read now as it will be read then."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mgi.core.errors import BadInputError, IntegrityError
from mgi.modalities.flair.dicom_file import DicomFile
from mgi.modalities.flair.dicom_slices import slices_of
from mgi.modalities.flair.header import sequence_tags


@dataclass(frozen=True, kw_only=True)
class CheckedFile:
    """The UID of an image, the tags that tell a FLAIR, and why the shard refuses the file, or None."""

    sop_uid: str
    tags: Mapping[str, Any]
    fault: str | None


def read_file(data: bytes, where: str, *, series: str, role: str) -> CheckedFile:
    """Read a file of a series as a segmentation where its `role` is mask, else as slices.

    Raises IntegrityError where it is no DICOM or deflated, and ResourceError where only a decoder is missing: the image
    is not to blame, nor the patient to be dropped.
    """
    try:
        file = DicomFile(data, where)
        sop_uid = file.sop_uid()
    except BadInputError as error:
        raise IntegrityError(str(error)) from None
    try:
        if role == "mask":
            from mgi.modalities.flair.dicom_seg import segmentation_of  # only masks need nibabel's geometry

            segmentation_of(file, series)
        else:
            slices_of(file, series)
    except BadInputError as error:
        return CheckedFile(sop_uid=sop_uid, tags={}, fault=str(error).removeprefix(f"series {series}: "))
    return CheckedFile(sop_uid=sop_uid, tags=sequence_tags(file.header), fault=None)
