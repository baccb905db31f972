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
        "PatientId": study.patient_id,
        "PatientName": study.patient_id,
        "PatientSex": study.sex,
        "EthnicGroup": None,
        "Collection": COLLECTION,
        "Phantom": "NO",
        "SpeciesCode": "337915000",
        "SpeciesDescription": "Homo sapiens",
        "Authorized": "1",
    }


def study_row(study: Study) -> dict[str, Any]:
    """One row of getPatientStudy."""
    return {
        "StudyInstanceUID": study.uid,
        "StudyDate": study.date.isoformat(),
        "StudyDescription": study.description,
        "AdmittingDiagnosesDescription": None,
        "StudyID": None,
        "PatientAge": f"{study.age_years:03d}Y",
        "PatientID": study.patient_id,
        "PatientName": study.patient_id,
        "PatientSex": study.sex,
        "EthnicGroup": None,
        "Collection": COLLECTION,
        "SeriesCount": len(study.series) + (study.mask is not None),
        "LongitudinalTemporalEventType": None,
        "LongitudinalTemporalOffsetFromEvent": None,
        "Authorized": "1",
    }


def series_row(
    series: Series | MaskSeries, study: Study, *, n_images: int, size: int, access: Access
) -> dict[str, Any]:
    """One row of getSeries; `size` in bytes, and who may have it."""
    mask = isinstance(series, MaskSeries)
    vendor, model = ("MGI SIMULATION", "1") if mask else study.vendor
    return {
        "SeriesInstanceUID": series.uid,
        "StudyInstanceUID": study.uid,
        "Modality": "SEG" if mask else "MR",
        "ProtocolName": None,
        "SeriesDate": study.date.isoformat(),
        "SeriesDescription": series.description,
        "BodyPartExamined": "BRAIN",
        "SeriesNumber": series.number,
        "AnnotationsFlag": None,
        "Collection": COLLECTION,
        "Site": study.patient_id[5:7],
        "PatientID": study.patient_id,
        "PatientSex": study.sex,
        "PatientAge": f"{study.age_years:03d}Y",
        "AdmittingDiagnosisDescription": None,
        "Manufacturer": vendor,
        "ManufacturerModelName": model,
        "SoftwareVersions": "1",
        "ImageCount": n_images,
        "MaxSubmissionTimestamp": SUBMITTED,
        "LicenseName": NOTE,
        "LicenseURI": None,
        "DataDescriptionURI": None,
        "FileSize": size,
        "ReleasedStatus": "Yes",
        "DateReleased": SUBMITTED,
        "StudyDesc": study.description,
        "StudyDate": study.date.isoformat(),
        "ThirdPartyAnalysis": "NO",  # also for masks: a selector must not rely on this flag
        "Authorized": "1" if access == "public" else "0",
        "access": access,
    }
