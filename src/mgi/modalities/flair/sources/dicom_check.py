"""Whether a DICOM file will be accepted when the shard is made, read now as then, and whether an NBIA zip is whole.

The service answers 200 with a valid zip even where slices are missing or cut short. Nothing is unpacked and no member
name becomes a path.
"""

import csv
import hashlib
import io
import zipfile
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.files import sha256_of
from mgi.core.zips import DamagedZipError, UnsafeZipError, ZipLimits, opened_zip, read_member
from mgi.http.retry import TransientError
from mgi.modalities.flair.dicom import MAX_VOLUME_BYTES, volume_from
from mgi.modalities.flair.dicom_file import DicomFile
from mgi.modalities.flair.dicom_slices import DicomSlice, slices_of
from mgi.modalities.flair.header import sequence_tags
from mgi.modalities.flair.sequence import tags_of_series
from mgi.shards.grey_scale import require_scale

MAX_BYTES = ZipLimits.total_bytes
HASH_LIST = "md5hashes.csv"
MAX_HELD_BYTES = 64 << 20  # of voxels, while a series is fetched: several are at once
HELD_ROWS = 128  # at least, of an image: enough to tell a head's grey levels


@dataclass(frozen=True, kw_only=True)
class CheckedFile:
    """The UIDs of an image and its study, the PatientID, the tags that tell a FLAIR, and why the shard refuses it.

    `slices` hold every so manieth row: a whole series costs a fifth more time and twice the memory.
    """

    sop_uid: str
    study_uid: str
    patient_id: str
    tags: Mapping[str, Any] = field(default_factory=dict)
    slices: tuple[DicomSlice, ...] = ()
    fault: str | None = None


def read_file(data: bytes, where: str, *, series: str, role: str) -> CheckedFile:
    """Read a file of a series as a segmentation where its `role` is mask, else as slices.

    Raises IntegrityError where it is no DICOM or deflated, and ResourceError where only a decoder is missing: the image
    is not to blame, nor the patient to be dropped.
    """
    try:
        file = DicomFile(data, where)
        sop_uid, study_uid, patient_id = file.texts("SOPInstanceUID", "StudyInstanceUID", "PatientID")
    except BadInputError as error:
        raise IntegrityError(str(error)) from None
    found = CheckedFile(sop_uid=sop_uid, study_uid=study_uid, patient_id=patient_id)
    try:
        if role == "mask":
            from mgi.modalities.flair.dicom_seg import segmentation_of  # only masks need nibabel's geometry

            segmentation_of(file, series)
            return replace(found, tags=sequence_tags(file.header))
        slices = tuple(slices_of(file, series))
    except BadInputError as error:
        return replace(found, fault=str(error).removeprefix(f"series {series}: "))
    return replace(found, tags=tags_of_series([one.tags for one in slices]), slices=slices)


def read_files(members: Iterable[tuple[str, bytes]], *, series: str, role: str) -> list[CheckedFile]:
    """Read the files of a series (where, bytes) as `read_file` does; the slices of a huge one are not held."""
    read: list[CheckedFile] = []
    n_bytes, n_held = 0, 0
    for where, data in members:
        one = read_file(data, where, series=series, role=role)
        n_bytes += sum(found.stored.size * 4 for found in one.slices)
        if n_bytes > MAX_VOLUME_BYTES:
            one = replace(one, fault=f"more than {MAX_VOLUME_BYTES} bytes of voxels")
        one = replace(one, slices=tuple(_thinned(found) for found in one.slices))
        n_held += sum(found.stored.nbytes for found in one.slices)
        read.append(one if n_held <= MAX_HELD_BYTES else replace(one, slices=()))
        if read[0].slices and not read[-1].slices:
            read = [replace(found, slices=()) for found in read]
    return read


def _thinned(whole: DicomSlice) -> DicomSlice:
    """A copy of every so manieth row, which lets go of the file's bytes."""
    return replace(whole, stored=whole.stored[:: max(1, len(whole.stored) // HELD_ROWS)].copy())


def disorder_of(files: Sequence[CheckedFile], series: str) -> str | None:
    """Why the slices of a series make no volume with the grey levels of a head, as the shard will judge, or None.

    It judges by the rows that are held, and the shard by all. Without slices, of a huge series or a faulty one, the
    shard alone judges.
    """
    where = f"series {series}"
    slices = [one for file in files for one in file.slices]
    if not slices:
        return None
    try:
        volume = volume_from(slices, series)
        require_scale(volume.voxels, where)
    except BadInputError as error:
        return str(error).removeprefix(f"{where}: ")
    return None


@dataclass(frozen=True, kw_only=True)
class SeriesSummary:
    """A verified zip: digest, count, the tags that tell a FLAIR, and a fault of the content that no retry cures.

    `patient_ids` and `study_uids` are those that the images state, `disorder` is why they make no volume.
    """

    size: int
    sha256: str
    n_images: int
    patient_ids: Sequence[str]
    study_uids: Sequence[str]
    tags: Mapping[str, Any]
    fault: str | None
    disorder: str | None


def verify_series(
    path: Path, *, series: str, role: str, sop_uids: Collection[str], with_digests: bool = True
) -> SeriesSummary:
    """Accept a series zip or say why not; `with_digests` False where the service has no way to list them.

    Raises TransientError where a new download may help (not a zip, slices missing, digests absent or wrong) and
    IntegrityError where the archive cannot be read safely.
    """
    label = f"series {series}"
    try:
        with opened_zip(path, label=label, bare_names=True) as archive:
            images = {info.filename: info for info in archive.infolist() if info.filename.lower().endswith(".dcm")}
            if len(images) != len(sop_uids):
                counts = f"{len(images)} images in the zip, {len(sop_uids)} listed and in the lock"
                raise TransientError(IntegrityError(f"{label}: {counts}; expected equal counts"))
            digests = _hash_list(archive, images, label) if with_digests else {}
            read = _check_images(archive, images, frozenset(sop_uids), digests, series, role)
    except DamagedZipError as error:
        raise TransientError(IntegrityError(str(error))) from None
    except UnsafeZipError as error:
        raise IntegrityError(str(error)) from None
    return SeriesSummary(
        size=path.stat().st_size,
        sha256=sha256_of(path),
        n_images=len(images),
        patient_ids=sorted({one.patient_id for one in read}),
        study_uids=sorted({one.study_uid for one in read}),
        tags=tags_of_series([one.tags for one in read]),
        fault=(fault := next((one.fault for one in read if one.fault), None)),
        disorder=None if role == "mask" or fault else disorder_of(read, series),
    )


def _check_images(
    archive: zipfile.ZipFile,
    images: Mapping[str, zipfile.ZipInfo],
    sop_uids: frozenset[str],
    digests: Mapping[str, str],
    series: str,
    role: str,
) -> list[CheckedFile]:
    """Compare every digest and SOP UID and decode every image; return what was found."""
    label = f"series {series}"

    def members() -> Iterator[tuple[str, bytes]]:
        for name, info in images.items():
            content = read_member(archive, info, label=label)
            if digests and hashlib.md5(content, usedforsecurity=False).hexdigest() != digests[name]:
                said = f"image {name} does not have the md5 that {HASH_LIST} lists"
                raise TransientError(IntegrityError(f"{label}: {said}"))
            yield f"{label}: image {name}", content

    read = read_files(members(), series=series, role=role)
    if (found := {image.sop_uid for image in read}) != sop_uids:
        said = f"{len(found & sop_uids)} of {len(sop_uids)} listed SOPInstanceUIDs are in the zip"
        raise TransientError(IntegrityError(f"{label}: {said}"))
    return read


def _hash_list(archive: zipfile.ZipFile, names: Iterable[str], label: str) -> dict[str, str]:
    if HASH_LIST not in archive.namelist():
        raise TransientError(IntegrityError(f"{label}: no {HASH_LIST} in the zip; the service stopped half-way"))
    text = read_member(archive, archive.getinfo(HASH_LIST), label=label).decode("utf-8", "replace")
    rows = csv.DictReader(io.StringIO(text))
    digests = {str(row.get("Filename")): str(row.get("MD5Hash")).lower() for row in rows}
    if missing := sorted(set(names) - set(digests)):
        said = f"{HASH_LIST} does not list {missing[0]} ({len(missing)} missing)"
        raise TransientError(IntegrityError(f"{label}: {said}"))
    return digests
