"""The GDC's slides: the query, and one flat row a slide.

A slide is asked for by its type and format, and not by its category. Whose it is, the case says; what it is, its name:
some slides hang on a portion and not on a sample. Source: GDC API users guide, "Search and Retrieval"; API 8.5.0.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from mgi.core.counts import stated_count
from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.ids import barcode_of, patient_id_of
from mgi.core.text import printable
from mgi.modalities.gdc.listing import annotation_of
from mgi.modalities.gdc.query import GdcQuery
from mgi.modalities.slides.slide_names import slide_name_of

DIAGNOSTIC_SLIDE, TISSUE_SLIDE = "Diagnostic Slide", "Tissue Slide"
SLIDE_IMAGES = GdcQuery(
    modality="slides",
    what="slides",
    data_category="Biospecimen",
    data_type="Slide Image",
    experimental_strategy=DIAGNOSTIC_SLIDE,
    workflow_type=None,
    suffix=".svs",
)
_FORMAT = "SVS"
_REQUIRED = ("file_id", "file_name", "file_size", "md5sum", "access", "cases.submitter_id")
OPTIONAL = ("version", "data_release", "experimental_strategy")


def slides_query(project: str) -> dict[str, Any]:
    """The body of POST /files for the open slides of a project, diagnostic and frozen ones; case-sensitive."""
    values = {
        "cases.project.project_id": (project,),
        "data_type": (SLIDE_IMAGES.data_type,),
        "experimental_strategy": (DIAGNOSTIC_SLIDE, TISSUE_SLIDE),
        "data_format": (_FORMAT,),
        "access": ("open",),
    }
    content = [{"op": "in", "content": {"field": field, "value": [*wanted]}} for field, wanted in values.items()]
    fields = ",".join((*_REQUIRED, *OPTIONAL))
    return {"filters": {"op": "and", "content": content}, "fields": fields, "sort": "file_id:asc", "format": "JSON"}


def slide_row(hit: Mapping[str, Any], annotations: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """One flat row of a /files hit: patient, sample, name, digest, size, access, and what an annotation says.

    Raises BadInputError where the hit has another shape, IntegrityError where the name is of another patient.
    """
    file_id = printable(hit.get("file_id", "?"))
    try:
        (case,) = hit["cases"]
        patient = patient_id_of(str(case["submitter_id"]))
        if not isinstance(hit["file_name"], str):
            raise TypeError("file_name is no text")
        file_name = printable(hit["file_name"].rsplit("/", 1)[-1], 255)
        row = {
            "patient_id": patient,
            "key": str(hit["file_id"]),
            "file_name": file_name,
            "size": stated_count(hit["file_size"]),
            "md5": str(hit["md5sum"]),
            "access": str(hit["access"]),
            "version": _stated(hit.get("version")),
            # "32.0 - 45.0": the end moves with every release, and a lock that held it would change in every line.
            "first_release": _stated(str(hit.get("data_release") or "").split(" - ")[0]),
        }
        name, owner = slide_name_of(file_name, patient), barcode_of(file_name)
    except (BadInputError, KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        expected = "one case, a file name, size, digest and access"
        raise BadInputError(f"GDC file {file_id}: expected {expected} ({printable(error)})") from None
    if owner is not None and owner.patient_id != patient:  # other projects than TCGA have names of their own
        raise IntegrityError(f"GDC file {file_id}: slide {file_name} does not belong to case {patient}")
    return {**row, "sample": name.sample, "annotation": annotation_of(file_name, annotations)}


def _stated(value: Any) -> str | None:
    """What an optional field says, as text; None where it is absent or empty."""
    return None if value is None else printable(value) or None
