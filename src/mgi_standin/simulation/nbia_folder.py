"""Write NBIA's half of an archive folder: DICOM files by series, and the listings that lead to them.

The rows of patients, studies and series have the keys of NBIA's v4 service. Dates are ISO here; the service formats
them. Keys with no value are null here; the service leaves them out.
"""

import hashlib
import json
from pathlib import Path
from typing import Any, Literal

from mgi_standin.files import write_json
from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.cohort import SimulatedPatient
from mgi_standin.simulation.dicom import COLLECTION, NOTE, encode_series
from mgi_standin.simulation.identifiers import IMAGE_STREAM, SCAN_STREAM, stream_of
from mgi_standin.simulation.seg import encode_mask
from mgi_standin.simulation.series import MaskSeries, Series, Study
from mgi_standin.simulation.settings import SimulationSettings
from mgi_standin.simulation.studies import plan_studies

SUBMITTED = "2014-02-11"
Access = Literal["public", "restricted"]


class NbiaFolder:
    """Takes patients one by one and keeps the listings until `close`."""

    def __init__(self, settings: SimulationSettings, key: str, folder: Path) -> None:
        self._settings, self._key, self._folder = settings, key, folder
        self._patients: list[dict[str, Any]] = []
        self._studies: list[dict[str, Any]] = []
        self._series: list[dict[str, Any]] = []
        (folder / "instances").mkdir(parents=True)
        (folder / "images").mkdir()

    def add(self, patient: SimulatedPatient, held: Availability) -> None:
        """Write all series of a patient."""
        if held.images == "none":
            return
        studies = plan_studies(patient, held, self._key, stream_of(self._settings, SCAN_STREAM, patient.patient_id))
        if held.images == "public":  # NBIA does not list what a guest may not see
            self._patients.append(patient_row(studies[0]))
            self._studies += [study_row(study) for study in studies]
        for study in studies:
            for series in study.series:
                self._write(series, study, encode_series(series, study), held.images)
            if study.mask is not None:
                self._write(study.mask, study, [encode_mask(study.mask, study)], held.images)

    def close(self) -> None:
        """Write the listings; series in the order of their UIDs, so that no patient's stand together."""
        write_json(self._folder / "patients.json", self._patients)
        write_json(self._folder / "studies.json", self._studies)
        write_json(self._folder / "series.json", sorted(self._series, key=lambda row: str(row["SeriesInstanceUID"])))

    def _write(
        self, series: Series | MaskSeries, study: Study, images: list[tuple[str, bytes]], access: Access
    ) -> None:
        """Write the images of a series in database order, which is no order of slices."""
        target = self._folder / "images" / series.uid
        target.mkdir()
        rows = []
        order = stream_of(self._settings, IMAGE_STREAM, series.uid).permutation(len(images))
        for number, place in enumerate(order.tolist(), start=1):
            uid, content = images[place]
            file = f"{number:08d}.dcm"
            (target / file).write_bytes(content)
            md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
            rows.append({"file": file, "SOPInstanceUID": uid, "md5": md5})
        listing = json.dumps(rows, indent=1, sort_keys=True) + "\n"
        (self._folder / "instances" / f"{series.uid}.json").write_text(listing)
        size = sum(len(content) for _, content in images)
        self._series.append(series_row(series, study, n_images=len(images), size=size, access=access))


def patient_row(study: Study) -> dict[str, Any]:
    """One row of getPatient."""
    return {
        "PatientId": study.patient_id, **_patient(study), "Phantom": "NO", "SpeciesCode": "337915000",
        "SpeciesDescription": "Homo sapiens", "Authorized": "1",
    }  # fmt: skip


def study_row(study: Study) -> dict[str, Any]:
    """One row of getPatientStudy."""
    return {
        "StudyInstanceUID": study.uid, "StudyDate": study.date.isoformat(), "StudyDescription": study.description,
        "StudyID": None, "AdmittingDiagnosesDescription": None,
        "PatientID": study.patient_id, **_patient(study), "PatientAge": f"{study.age_years:03d}Y",
        "SeriesCount": len(study.series) + (study.mask is not None),
        "LongitudinalTemporalEventType": None, "LongitudinalTemporalOffsetFromEvent": None, "Authorized": "1",
    }  # fmt: skip


def _patient(study: Study) -> dict[str, Any]:
    patient = {"PatientName": study.patient_id, "PatientSex": study.sex, "EthnicGroup": None}
    return {**patient, "Collection": COLLECTION}


def series_row(
    series: Series | MaskSeries, study: Study, *, n_images: int, size: int, access: Access
) -> dict[str, Any]:
    """One row of getSeries; `size` in bytes, and who may have it."""
    mask = isinstance(series, MaskSeries)
    vendor, model = ("MGI SIMULATION", "1") if mask else study.vendor
    return {
        "Collection": COLLECTION, "Site": study.patient_id[5:7], "PatientID": study.patient_id,
        "PatientSex": study.sex, "PatientAge": f"{study.age_years:03d}Y", "AdmittingDiagnosisDescription": None,
        "StudyInstanceUID": study.uid, "StudyDate": study.date.isoformat(), "StudyDesc": study.description,
        "SeriesInstanceUID": series.uid, "SeriesDate": study.date.isoformat(), "SeriesNumber": series.number,
        "SeriesDescription": series.description, "Modality": "SEG" if mask else "MR", "BodyPartExamined": "BRAIN",
        "ProtocolName": None, "AnnotationsFlag": None,
        "ThirdPartyAnalysis": "NO",  # also for masks: a selector must not rely on this flag
        "Manufacturer": vendor, "ManufacturerModelName": model, "SoftwareVersions": "1",
        "ImageCount": n_images, "FileSize": size, "MaxSubmissionTimestamp": SUBMITTED, "DateReleased": SUBMITTED,
        "LicenseName": NOTE, "LicenseURI": None, "DataDescriptionURI": None,
        "ReleasedStatus": "Yes", "Authorized": "1" if access == "public" else "0", "access": access,
    }  # fmt: skip
