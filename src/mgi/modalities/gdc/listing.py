"""The GDC's /files and /annotations: the query, and one flat row per file.

Source: GDC API users guide, "Search and Retrieval"; API 8.5.0.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from mgi.core.counts import stated_count
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.ids import sample_of
from mgi.core.text import printable
from mgi.modalities.gdc.entities import NOT_STATED, cross_check, entity_of, fields_of
from mgi.modalities.gdc.preference import NORMAL, PRESERVATION
from mgi.modalities.gdc.query import GdcQuery

ENTITY_ID = "entity_id"
"""The entry of a row that has the archive's own id of the tumour's aliquot or portion."""
_SAMPLE = "cases.samples"
_REQUIRED = ("file_id", "file_name", "file_size", "md5sum", "access", "cases.submitter_id")
# The schema loses fields from release to release; what is only a cross-check may go missing.
_OPTIONAL = (
    "state", "version", "data_release", "updated_datetime", "analysis.workflow_type", "cases.case_id",
    f"{_SAMPLE}.sample_id", f"{_SAMPLE}.sample_type", f"{_SAMPLE}.tissue_type", f"{_SAMPLE}.tumor_descriptor",
    f"{_SAMPLE}.preservation_method", "annotations.annotation_id",
)  # fmt: skip
_CASE = len("TCGA-XX-XXXX")
_WITHDRAWN = re.compile(r"redact|\bDNU\b", re.IGNORECASE)


def files_query(project: str, query: GdcQuery) -> dict[str, Any]:
    """The body of POST /files for the open files of a project; values are case-sensitive."""
    values = {"cases.project.project_id": project, **query.values, "access": "open"}
    content = [{"op": "in", "content": {"field": field, "value": [value]}} for field, value in values.items()]
    fields = ",".join((*_REQUIRED, *fields_of(query)[0], *optional_fields(query)))
    return {"filters": {"op": "and", "content": content}, "fields": fields, "sort": "file_id:asc", "format": "JSON"}


def optional_fields(query: GdcQuery) -> tuple[str, ...]:
    """Fields of that search that the service need not know."""
    return (*_OPTIONAL, *fields_of(query)[1])


def annotations_query(project: str) -> dict[str, Any]:
    """The body of POST /annotations for a project."""
    filters = {"op": "in", "content": {"field": "project.project_id", "value": [project]}}
    return {"filters": filters, "sort": "annotation_id:asc", "format": "JSON"}


def file_row(hit: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]], query: GdcQuery) -> dict[str, Any]:
    """One flat row of a /files hit: patient, sample and barcode of the tumour, digest, size, access, annotation.

    Raises BadInputError where the hit has another shape, and IntegrityError where barcode and descriptors disagree
    about a primary tumour.
    """
    name = printable(hit.get("file_id", "?"))
    try:
        entity = entity_of(hit, query)
        row = {
            "patient_id": entity.patient_id,
            "sample": sample_of(str(entity.sample["submitter_id"])),
            "aliquot": entity.barcode,
            "key": str(hit["file_id"]),
            "file_name": printable(str(hit["file_name"]).rsplit("/", 1)[-1], 255),
            "size": stated_count(hit["file_size"]),
            "md5": str(hit["md5sum"]),
            "access": str(hit["access"]),
            PRESERVATION: None if (kept := _stated(entity.sample.get("preservation_method"))) in NOT_STATED else kept,
            "version": _stated(hit.get("version")),
            # "32.0 - 45.0": the end moves with every release, and a lock that held it would change in every line.
            "first_release": _stated(str(hit.get("data_release") or "").split(" - ")[0]),
            ENTITY_ID: entity.entity_id,
            NORMAL: entity.normal,
        }
    except BadInputError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError, StopIteration, AttributeError) as error:
        expected = f"one case, sample and {query.entity} with barcodes"
        raise BadInputError(f"GDC file {name}: expected {expected} ({printable(error)})") from None
    cross_check(name, entity.barcode, entity.sample)
    return {**row, "annotation": annotation_of(entity.barcode, annotations)}


def _stated(value: Any) -> str | None:
    """What an optional field says, as text; None where it is absent or empty."""
    return None if value is None else printable(value) or None


def check_file_count(found: int, expected: tuple[int, ...] | None, project: str, query: GdcQuery) -> None:
    """Refuse a project whose number of files is outside of the expected range, both ends included.

    A filter value that no longer fits gives fewer hits, or none, and no error. Raises IntegrityError.
    """
    fewest, most = expected or (1, found)
    if not fewest <= found <= most:
        key = f"modalities.{query.modality}.expected_files"
        raise IntegrityError(
            f"GDC: {found} open {query.what} of project {project!r} ({query.workflow}), {key} says {fewest} to {most}; "
            f"once you know why, set {key} to the range you expect, or to null"
        )


def annotations_by_case(annotations: Sequence[Mapping[str, Any]]) -> dict[str, list[Mapping[str, Any]]]:
    """The annotations of each case, in their order: a file is compared with those of its own alone."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for note in annotations:
        found.setdefault(_entity_of(note).upper()[:_CASE], []).append(note)
    return found


def case_of(hit: Mapping[str, Any]) -> str:
    """The case of a /files hit as `annotations_by_case` names it; empty where `file_row` will refuse the hit."""
    try:
        return str(hit["cases"][0]["submitter_id"]).upper()[:_CASE]
    except (KeyError, TypeError, IndexError):
        return ""


def _entity_of(note: Mapping[str, Any]) -> str:
    return str(note.get("entity_submitter_id") or note.get("case_submitter_id") or "")


def annotation_of(barcode: str, annotations: Sequence[Mapping[str, Any]]) -> str | None:
    """Why an aliquot was withdrawn: the first redaction or "do not use" on it, its sample or its case; else None."""
    for note in annotations:
        entity = _entity_of(note)
        text = f"{note.get('classification') or ''} {note.get('category') or ''}"
        rescinded = str(note.get("status") or "").lower() == "rescinded"
        # Portions and analytes continue a field: 01A-12 covers 01A-12R.
        covers = barcode.upper().startswith(entity.upper()) and len(entity) >= _CASE
        if covers and not rescinded and _WITHDRAWN.search(text):
            return printable(note.get("category") or note.get("classification"))
    return None
