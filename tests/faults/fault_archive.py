"""A small archive for the matrix: three patients at each service, and what a complete fetch of them holds.

The GDC lists 240 more profiles of recurrences, so that a search takes two pages; they have no bytes.
"""

import functools
import hashlib
import io
import json
import random
import zipfile
from pathlib import Path
from typing import Any

import feature_files
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

PROJECT = COLLECTION = "TCGA-LGG"
PATIENTS = ("TCGA-CS-4938", "TCGA-DU-6407", "TCGA-HT-7473")
# The item that goes wrong is the first of the listing in both services.
FILES = tuple(f"{digit * 8}-0000-4000-8000-000000000000" for digit in "123")
SERIES = tuple(f"1.3.6.1.4.1.14519.{number}" for number in (1, 2, 3))
FILE, UID = FILES[0], SERIES[0]
OTHER_DIGITS = bytes.maketrans(b"0123456789", b"1234567890")
N_SLICES = 4
N_RECURRENT = 240


@functools.cache
def profile(file_id: str) -> bytes:
    """About 40 kB of text that looks like a STAR file and does not pack to nothing."""
    digits = random.Random(file_id)
    rows = (f"ENSG{position:011d}.1\t{digits.random():.9f}\n" for position in range(1300))
    return ("# gene-model: GENCODE v36\n" + "".join(rows)).encode()


@functools.cache
def slice_of(uid: str, number: int) -> bytes:
    """One axial FLAIR slice of 48 x 48 noise."""
    image = Dataset()
    image.file_meta = FileMetaDataset()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
    image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{uid}.{number}"
    image.SeriesInstanceUID, image.Modality, image.ScanningSequence = uid, "MR", ["SE", "IR"]
    image.EchoTime, image.RepetitionTime, image.InversionTime = 120.0, 9000.0, 2200.0
    image.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    image.Rows = image.Columns = 48
    image.SamplesPerPixel, image.PhotometricInterpretation = 1, "MONOCHROME2"
    image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
    image.PixelData = random.Random(f"{uid}{number}").randbytes(48 * 48 * 2)
    target = io.BytesIO()
    image.save_as(target, enforce_file_format=True)
    return target.getvalue()


def first_file(modality: str) -> str:
    """The GDC's file of a modality that goes wrong."""
    return FILE if modality == "rna" else feature_files.ids_of(modality)[0]


def first_content(modality: str) -> bytes:
    """Its honest bytes."""
    return profile(FILE) if modality == "rna" else feature_files.content_of(modality, first_file(modality))


def expected_files(modality: str = "rna", *, other: bool = False) -> dict[str, bytes]:
    """Path -> bytes of a complete fetch at the GDC; `other`: the first file in another version."""
    if modality != "rna":
        return feature_files.files_of(modality, other=other)
    contents = {file_id: profile(file_id) for file_id in FILES}
    if other:
        contents[FILE] = contents[FILE].translate(OTHER_DIGITS)
    return {f"files/{md5(content)}.tsv": content for content in contents.values()}


def expected_series(*, other: bool = False) -> dict[str, set[bytes]]:
    """Path -> images of a complete fetch of the series; `other`: the first series with other pixels."""
    contents = {f"series/{uid}.zip": {slice_of(uid, number) for number in range(N_SLICES)} for uid in SERIES}
    if other:
        changed = {image[:-1] + bytes([image[-1] ^ 1]) for image in contents[f"series/{UID}.zip"]}
        contents[f"series/{UID}.zip"] = changed
    return contents


def images_in(path: Path) -> set[bytes]:
    with zipfile.ZipFile(path) as archive:
        return {archive.read(name) for name in archive.namelist() if name.endswith(".dcm")}


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def write_archive(folder: Path) -> Path:
    for file_id in FILES:
        _write(folder / "gdc/data" / file_id, profile(file_id))
    for modality in feature_files.KINDS:
        for file_id in feature_files.ids_of(modality):
            _write(folder / "gdc/data" / file_id, feature_files.content_of(modality, file_id))
    for uid in SERIES:
        rows = []
        for number in range(N_SLICES):
            content = slice_of(uid, number)
            _write(folder / "nbia/images" / uid / f"{number}.dcm", content)
            rows.append({"file": f"{number}.dcm", "SOPInstanceUID": f"{uid}.{number}", "md5": md5(content)})
        _write_json(folder / f"nbia/instances/{uid}.json", rows)
    for name, table in {**_gdc_tables(), **_nbia_tables(), "archive.json": {"simulated": True, "format": 1}}.items():
        _write_json(folder / name, table)
    return folder


def _gdc_tables() -> dict[str, Any]:
    primary = [
        _hit(file_id, f"{patient}-01A-11R-1896-07", profile(file_id))
        for file_id, patient in zip(FILES, PATIENTS, strict=True)
    ]
    recurrent = [
        _hit(
            f"9{number:07d}-0000-4000-8000-000000000000", f"{PATIENTS[0]}-02A-{number % 90 + 10}R-{number:04d}-07", b""
        )
        for number in range(N_RECURRENT)
    ]
    release = {"data_release": "Data Release 45.0 - December 04, 2025", "status": "OK", "tag": "8.5.0", "version": 1}
    return {
        "gdc/status.json": release,
        "gdc/files.json": primary + recurrent + feature_files.hits(),
        "gdc/versions.json": [],
        "gdc/annotations.json": [],
        "gdc/cases.json": [_case(number, patient) for number, patient in enumerate(PATIENTS)],
    }


def _case(number: int, patient: str) -> dict[str, Any]:
    person = {"vital_status": "Dead" if number % 2 else "Alive", "days_to_death": 900 if number % 2 else None}
    diagnosis = {"age_at_diagnosis": 14000 + number, "days_to_last_follow_up": 700, "tumor_grade": f"G{2 + number % 2}"}
    return {
        "case_id": f"case-{patient}",
        "submitter_id": patient,
        "project": {"project_id": PROJECT},
        "demographic": {**person, "sex_at_birth": "female"},
        "diagnoses": [diagnosis],
        "follow_ups": [{"days_to_follow_up": 800 + number}],
    }


def _hit(file_id: str, aliquot: str, content: bytes) -> dict[str, Any]:
    kind = "Primary Tumor" if aliquot[13:15] == "01" else "Recurrent Tumor"
    aliquots = [{"submitter_id": aliquot, "aliquot_id": f"aliquot-{file_id}"}]
    sample = {
        "sample_id": f"sample-{file_id}",
        "submitter_id": aliquot[:16],
        "sample_type": kind,
        "tissue_type": "Tumor",
        "tumor_descriptor": kind.split()[0],
        "portions": [{"analytes": [{"aliquots": aliquots}]}],
    }
    case = {
        "case_id": f"case-{aliquot[:12]}",
        "submitter_id": aliquot[:12],
        "project": {"project_id": PROJECT},
        "samples": [sample],
    }
    return {
        "id": file_id,
        "file_id": file_id,
        "file_name": f"{file_id}.rna_seq.augmented_star_gene_counts.tsv",
        "file_size": len(content),
        "md5sum": md5(content),
        "state": "released",
        "access": "open",
        "version": "1",
        "data_release": "32.0 - 45.0",
        "updated_datetime": "2025-12-04T00:00:00",
        "data_category": "Transcriptome Profiling",
        "data_type": "Gene Expression Quantification",
        "experimental_strategy": "RNA-Seq",
        "analysis": {"workflow_type": "STAR - Counts"},
        "annotations": [{"annotation_id": f"note-{file_id}"}],
        "cases": [case],
    }


def _nbia_tables() -> dict[str, Any]:
    series = [
        {
            "SeriesInstanceUID": uid,
            "StudyInstanceUID": f"{uid}.0",
            "Modality": "MR",
            "SeriesDate": "2001-02-03",
            "SeriesDescription": "AX FLAIR",
            "Collection": COLLECTION,
            "PatientID": patient,
            "ImageCount": N_SLICES,
            "FileSize": sum(len(slice_of(uid, number)) for number in range(N_SLICES)),
            "StudyDate": "2001-02-03",
            "access": "public",
        }
        for uid, patient in zip(SERIES, PATIENTS, strict=True)
    ]
    studies = [
        {
            "StudyInstanceUID": row["StudyInstanceUID"],
            "StudyDate": row["StudyDate"],
            "PatientID": row["PatientID"],
            "Collection": COLLECTION,
            "SeriesCount": 1,
        }
        for row in series
    ]
    patients = [{"PatientId": patient, "Collection": COLLECTION, "Authorized": "1"} for patient in PATIENTS]
    return {"nbia/series.json": series, "nbia/patients.json": patients, "nbia/studies.json": studies}


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def _write_json(path: Path, table: Any) -> None:
    _write(path, json.dumps(table).encode())
