"""What the GDC lists of a simulated cohort: /files hits, file versions, annotations and /status.

Shapes: GDC API 8.5, documentation "Search and Retrieval"; all ids are derived, none is real.
"""

from dataclasses import dataclass
from typing import Any, Literal

from mgi_standin.simulation.availability import Availability
from mgi_standin.simulation.identifiers import uuid_of

PROJECT = "TCGA-LGG"
DATA_RELEASE = "Data Release 45.0 - December 04, 2025"
FIRST_RELEASE, LATEST_RELEASE = "32.0", "45.0"
SAMPLE_TYPE = {"01": ("Primary Tumor", "Primary"), "02": ("Recurrent Tumor", "Recurrence")}
Kind = Literal["star", "mirna", "reference", "omics", "slide"]
Access = Literal["open", "controlled"]
KIND_ROWS = {
    "star": ("Gene Expression Quantification", "RNA-Seq", "STAR - Counts", "gene_expression"),
    "mirna": ("miRNA Expression Quantification", "miRNA-Seq", "BCGSC miRNA Profiling", "mirna_expression"),
}
# category and classification as the GDC files them; "observed" does not speak against the use of a sample
ANNOTATIONS = {
    "flagged": ("Item flagged DNU", "CenterNotification", "Simulated: do not use"),
    "redacted": ("Subject withdrew consent", "Redaction", "Simulated: the patient withdrew consent"),
    "observed": ("General", "Observation", "Simulated: nothing against the use of this sample"),
}


@dataclass(frozen=True, kw_only=True)
class StoredFile:
    """One version of one file in the archive."""

    kind: Kind
    aliquot: str
    file_id: str
    file_name: str
    size: int
    md5: str
    access: Access = "open"
    version: str = "1"
    superseded_by: str | None = None
    """The id of the latest version, where there is a later one."""
    preservation: str = "Unknown"


@dataclass(frozen=True, kw_only=True)
class ListedFile:
    """One file to store: its bytes, what /files lists of it, and the annotation that withdraws it, if one does."""

    content: bytes
    stored: StoredFile
    hit: dict[str, Any]
    annotation: dict[str, Any] | None = None


def aliquots_of(patient_id: str, held: Availability, key: str) -> list[tuple[str, Access]]:
    """Barcodes of the sequenced aliquots with their access; a controlled one sorts behind the open one."""
    plate = f"A{int(uuid_of(key, patient_id, 'plate')[:4], 16) % 1000:03d}"
    sequenced: list[tuple[str, Access]] = [(sample, "open") for sample in held.samples]
    if held.controlled_aliquot:
        sequenced.append((held.samples[0], "controlled"))
    return [
        (f"{patient_id}-{sample}-{portion}R-{plate}-07", access)
        for portion, (sample, access) in enumerate(sequenced, start=11)
    ]


def file_hit(file: StoredFile, annotation_ids: list[str], key: str) -> dict[str, Any]:
    """One hit of /files with all groups expanded."""
    data_type, strategy, workflow, file_type = KIND_ROWS[file.kind]
    hit = {
        "id": file.file_id, "file_id": file.file_id, "file_name": file.file_name, "file_size": file.size,
        "md5sum": file.md5, "state": "released", "access": file.access, "version": file.version,
        "data_release": f"{FIRST_RELEASE} - {LATEST_RELEASE}",
        "created_datetime": "2021-12-13T20:53:42.000000-06:00", "updated_datetime": "2024-07-30T12:07:53.000000-05:00",
        "data_category": "Transcriptome Profiling", "data_type": data_type, "data_format": "TSV",
        "experimental_strategy": strategy, "type": file_type,
        "analysis": {"analysis_id": uuid_of(key, file.file_id, "analysis"), "workflow_type": workflow},
        "cases": [_case(file.aliquot, file.preservation, key)],
    }  # fmt: skip
    if annotation_ids:
        hit["annotations"] = [{"annotation_id": annotation_id} for annotation_id in annotation_ids]
    return hit


def version_row(file: StoredFile) -> dict[str, Any]:
    """What /files/versions knows of a file, superseded or latest."""
    return {
        "id": file.file_id, "file_name": file.file_name, "md5sum": file.md5, "file_size": file.size,
        "version": file.version, "latest_id": file.superseded_by or file.file_id,
        "superseded": file.superseded_by is not None,
        "release": FIRST_RELEASE if file.superseded_by else LATEST_RELEASE,
        "state": "released", "access": file.access,
    }  # fmt: skip


def annotation_hits(patient_id: str, held: Availability, key: str) -> list[dict[str, Any]]:
    """Hits of /annotations on a patient: on the case where the patient withdrew, else on the first aliquot."""
    if held.annotation is None:
        return []
    category, classification, notes = ANNOTATIONS[held.annotation]
    on_case = held.annotation == "redacted"
    entity = patient_id if on_case else aliquots_of(patient_id, held, key)[0][0]
    annotation_id = uuid_of(key, entity, "annotation")
    hit = {
        "id": annotation_id, "annotation_id": annotation_id,
        "entity_type": "case" if on_case else "aliquot", "entity_id": uuid_of(key, entity),
        "entity_submitter_id": entity, "case_id": uuid_of(key, patient_id), "case_submitter_id": patient_id,
        "category": category, "classification": classification, "notes": notes,
        "status": "Approved", "state": "released", "created_datetime": "2014-07-16T00:00:00",
        "project": {"project_id": PROJECT},
    }  # fmt: skip
    return [hit]


def status() -> dict[str, Any]:
    """The reply of /status."""
    told = {"commit": "0" * 40, "data_release": DATA_RELEASE, "status": "OK", "tag": "8.5.0", "version": 1}
    return {**told, "simulated": True}


def _case(aliquot: str, preservation: str, key: str) -> dict[str, Any]:
    patient_id, sample, portion = aliquot[:12], aliquot[:16], aliquot[:19]
    sample_type, descriptor = SAMPLE_TYPE[aliquot[13:15]]
    analyte = {
        "analyte_id": uuid_of(key, aliquot[:20]),
        "submitter_id": aliquot[:20],
        "analyte_type": "RNA",
        "aliquots": [{"aliquot_id": uuid_of(key, aliquot), "submitter_id": aliquot}],
    }
    specimen = {
        "sample_id": uuid_of(key, sample), "submitter_id": sample, "sample_type": sample_type,
        "tissue_type": "Tumor", "tumor_descriptor": descriptor,
        "specimen_type": "Solid Tissue", "preservation_method": preservation,
        "portions": [{"portion_id": uuid_of(key, portion), "submitter_id": portion, "analytes": [analyte]}],
    }  # fmt: skip
    return {
        "case_id": uuid_of(key, patient_id),
        "submitter_id": patient_id,
        "project": {"project_id": PROJECT, "name": "Brain Lower Grade Glioma", "program": {"name": "TCGA"}},
        "samples": [specimen],
    }
