"""Whose images these are, wherever something says it twice: a listing, a lock, a manifest or a folder, and the files.

A mirror that mixed up two patients would pair the genes of one with the images of the other.
"""

from collections.abc import Collection, Iterable
from pathlib import Path

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.ids import barcode_of, same_id
from mgi.locks.item import Item
from mgi.modalities.flair.sequence import Series
from mgi.modalities.flair.sources.dicom_headers import DicomHeader
from mgi.modalities.flair.sources.user_lists import PatientNames

_KEY = "modalities.flair.patients"
_LEAST_TELLING = 4  # characters of an id that a folder is not called by chance


def require_owner(
    item: Item, patient_ids: Iterable[str], study_uids: Iterable[str], patients: PatientNames, where: str
) -> None:
    """Raise IntegrityError where images state another patient or study than the lock; an empty element says nothing."""
    for found in sorted(filter(None, patient_ids)):
        if not patients.is_patient(found, item.patient_id):
            raise IntegrityError(
                f"{where}: series {item.key}: PatientID {found!r}, expected {item.patient_id} as listed; images "
                f"of another patient, or ids that were replaced: list those in {_KEY}"
            )
    if expected := item.text("study_uid"):
        for found in sorted(filter(None, study_uids)):
            if found != expected:
                said = f"StudyInstanceUID {found} in its files, expected {expected} as listed"
                raise IntegrityError(f"{where}: series {item.key}: {said}; make the lock again")


def require_own_studies(series: Iterable[Series], where: str) -> None:
    """Raise BadInputError where one study is of two patients: DICOM knows no such study."""
    owners: dict[str, Series] = {}
    for one in series:
        first = owners.setdefault(one.study_uid, one) if one.study_uid else one
        if first.patient_id != one.patient_id:
            raise BadInputError(
                f"{where}: StudyInstanceUID {one.study_uid}: series {first.key} is of {first.patient_id}, {one.key} of "
                f"{one.patient_id}; expected one patient, or both ids in {_KEY}"
            )


def require_own_folder(
    image: DicomHeader, patient: str, ids: Collection[str], patients: PatientNames, folder: Path
) -> None:
    """Raise BadInputError where a file of one patient lies under the name of another: a barcode, or an id met here."""
    for part in image.name.split("/"):
        named = barcode_of(part)
        told = part if named is None else named.patient_id
        is_id = named is not None or (same_id(part) in ids and len(part) >= _LEAST_TELLING and not part.isdigit())
        if is_id and not patients.is_patient(told, patient):
            found = f"PatientID {image.series.patient_id!r} below {part!r}"
            raise BadInputError(
                f"{folder / image.name}: {found}, expected one patient; move it, or list the ids in {_KEY}"
            )
