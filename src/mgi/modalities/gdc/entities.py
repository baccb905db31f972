"""What a file of the GDC is of: the barcode of the tumour's aliquot or portion, and that of a matched normal.

A file's `associated_entities` name one aliquot, two of them (a tumour's and its normal's) or a portion; of one aliquot
the tree of portions below its sample says the same.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.ids import is_primary, patient_id_of, sample_code_of, sample_of
from mgi.core.text import printable
from mgi.modalities.gdc.query import GdcQuery

FIRST_NORMAL = 10  # sample codes below are of tumours, the next ten of normal tissue
NOT_STATED = (None, "", "Not Reported", "not reported", "Unknown", "unknown")
EXPECTED = {
    "aliquot": "one aliquot",
    "pair": "one aliquot of the tumour and at most one of the normal",
    "portion": "one portion",
}


class Entity(NamedTuple):
    """One case, the sample of its tumour as the GDC describes it, and barcodes; `entity_id` where it is stated."""

    patient_id: str
    sample: Mapping[str, Any]
    barcode: str
    entity_id: str | None = None
    normal: str | None = None


def entity_of(hit: Mapping[str, Any], query: GdcQuery) -> Entity:
    """What a /files hit is of.

    Raises KeyError, TypeError, ValueError or StopIteration where it has another shape, IntegrityError where barcodes
    contradict each other.
    """
    name = printable(hit.get("file_id", "?"))
    (case,) = hit["cases"]
    patient = patient_id_of(str(case["submitter_id"]))
    found = _in_samples(case, patient) if query.in_samples else _associated(hit, case, patient, query, name)
    if patient_id_of(found.barcode) != patient:
        raise IntegrityError(f"GDC file {name}: {query.entity} {found.barcode} does not belong to case {patient}")
    return found


def _in_samples(case: Mapping[str, Any], patient: str) -> Entity:
    """The one aliquot below the one sample."""
    (sample,) = case["samples"]
    aliquots = [
        aliquot["submitter_id"]
        for portion in sample["portions"]
        for analyte in portion["analytes"]
        for aliquot in analyte["aliquots"]
    ]
    (barcode,) = map(str, aliquots)
    return Entity(patient, sample, barcode)


def _associated(hit: Mapping[str, Any], case: Mapping[str, Any], patient: str, query: GdcQuery, name: str) -> Entity:
    """The entities of the query's kind; of a pair the tumour's."""
    kind = "aliquot" if query.entity == "pair" else query.entity
    entities = {
        str(one["entity_submitter_id"]): one for one in hit["associated_entities"] if one["entity_type"] == kind
    }
    tumours = [barcode for barcode in entities if _is_tumour(barcode)]
    normals = [barcode for barcode in entities if barcode not in tumours]
    is_right = len(tumours) == 1 and len(normals) <= 1 if query.entity == "pair" else len(entities) == 1
    if not is_right:
        found = ", ".join(map(printable, entities)) or "none"
        raise BadInputError(f"GDC file {name}: associated_entities: found {found}, expected {EXPECTED[query.entity]}")
    # A file of normal tissue alone is none of a tumour: it is listed, and the choice says why not.
    barcode = next(iter(tumours or normals))
    sample = next(one for one in case["samples"] if sample_of(str(one["submitter_id"])) == sample_of(barcode))
    stated = entities[barcode].get("entity_id")
    return Entity(
        patient,
        sample,
        barcode,
        entity_id=None if stated is None else printable(stated),
        normal=printable(normals[0]) if query.entity == "pair" and normals else None,
    )


def _is_tumour(barcode: str) -> bool:
    code = sample_code_of(barcode)
    if code is None:
        raise ValueError(f"{barcode}: no sample in the barcode")
    return int(code) < FIRST_NORMAL


def cross_check(name: str, barcode: str, sample: Mapping[str, Any]) -> None:
    """Raise IntegrityError where a sample's descriptors and the barcode disagree about a primary tumour."""
    descriptors = {"tumor_descriptor": "Primary", "sample_type": "Primary Tumor"}
    for field, primary in descriptors.items():
        said = sample.get(field)
        if said in NOT_STATED:
            continue
        if (said == primary) != is_primary(barcode):
            raise IntegrityError(f"GDC file {name}: {field} is '{printable(said)}', but the barcode is {barcode}")


def fields_of(query: GdcQuery) -> tuple[Sequence[str], Sequence[str]]:
    """Fields of a hit that name its entity: those that are needed, and those that are only compared."""
    sample, associated = "cases.samples", "associated_entities"
    if query.in_samples:
        aliquot = f"{sample}.portions.analytes.aliquots"
        return (f"{sample}.submitter_id", f"{aliquot}.submitter_id"), (f"{aliquot}.aliquot_id",)
    named = (f"{associated}.entity_submitter_id", f"{associated}.entity_type")
    return (f"{sample}.submitter_id", *named), (f"{associated}.entity_id", f"{associated}.case_id")
