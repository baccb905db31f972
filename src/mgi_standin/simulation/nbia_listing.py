"""What NBIA lists of a simulated cohort: rows of patients, studies and series with the keys of its v4 service.

Dates are ISO here; the service formats them. Keys with no value are null here; the service leaves them out.
"""

from typing import Any, Literal

from mgi_standin.simulation.dicom import COLLECTION, NOTE
from mgi_standin.simulation.series import MaskSeries, Series, Study

SUBMITTED = "2014-02-11"
Access = Literal["public", "restricted"]


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
