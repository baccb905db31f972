"""Dotted paths of the GDC: which are known, what lies at them, and cutting a hit down to some of them."""

from collections.abc import Iterable, Iterator
from typing import Any

from mgi_standin.archive.folder import Row

_FILES = """
access acl created_datetime data_category data_format data_release data_type experimental_strategy file_id file_name
file_size md5sum platform state submitter_id type updated_datetime version
analysis.analysis_id analysis.submitter_id analysis.workflow_link analysis.workflow_type analysis.workflow_version
annotations.annotation_id annotations.category annotations.classification annotations.entity_id
annotations.entity_submitter_id annotations.entity_type annotations.notes annotations.status
associated_entities.case_id associated_entities.entity_id associated_entities.entity_submitter_id
associated_entities.entity_type
cases.case_id cases.disease_type cases.primary_site cases.state cases.submitter_id
cases.demographic.demographic_id cases.demographic.sex_at_birth cases.demographic.vital_status
cases.diagnoses.diagnosis_id cases.diagnoses.primary_diagnosis
cases.project.disease_type cases.project.name cases.project.primary_site cases.project.program.name
cases.project.project_id
cases.samples.preservation_method cases.samples.sample_id cases.samples.sample_type cases.samples.specimen_type
cases.samples.state cases.samples.submitter_id cases.samples.tissue_type cases.samples.tumor_descriptor
cases.samples.portions.portion_id cases.samples.portions.submitter_id
cases.samples.portions.analytes.analyte_id cases.samples.portions.analytes.analyte_type
cases.samples.portions.analytes.submitter_id
cases.samples.portions.analytes.aliquots.aliquot_id cases.samples.portions.analytes.aliquots.submitter_id
cases.samples.portions.slides.section_location cases.samples.portions.slides.slide_id
cases.samples.portions.slides.submitter_id
"""
_ANNOTATIONS = """
annotation_id case_id case_submitter_id category classification created_datetime entity_id entity_submitter_id
entity_type notes state status submitter_id updated_datetime project.name project.project_id
"""
_CASES = """
case_id disease_type primary_site state submitter_id project.name project.program.name project.project_id
demographic.days_to_birth demographic.days_to_death demographic.demographic_id demographic.sex_at_birth
demographic.vital_status
diagnoses.age_at_diagnosis diagnoses.days_to_last_follow_up diagnoses.diagnosis_id
diagnoses.diagnosis_is_primary_disease diagnoses.primary_diagnosis diagnoses.tumor_grade diagnoses.who_cns_grade
follow_ups.days_to_follow_up follow_ups.follow_up_id follow_ups.karnofsky_performance_status
"""
DOCUMENTED = {
    "files": frozenset(_FILES.split()),
    "annotations": frozenset(_ANNOTATIONS.split()),
    "cases": frozenset(_CASES.split()),
}


def known_fields(endpoint: str, hits: Iterable[Row]) -> frozenset[str]:
    """Fields that a request to an endpoint ("cases") may name: the documented ones and those that hits hold."""
    return DOCUMENTED[endpoint].union(path for hit in hits for path in leaf_paths(hit))


def leaf_paths(value: Any, prefix: str = "") -> Iterator[str]:
    """Yield the dotted path of every value that is not an object or a list of objects; may repeat."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaf_paths(inner, f"{prefix}.{key}" if prefix else key)
    elif isinstance(value, list) and any(isinstance(item, dict) for item in value):
        for item in value:
            yield from leaf_paths(item, prefix)
    elif prefix:
        yield prefix


def values_at(value: Any, path: str) -> list[Any]:
    """Collect all values at a dotted path, through lists; absent and null ones give nothing."""
    if isinstance(value, list):
        return [found for item in value for found in values_at(item, path)]
    if not path:
        return [] if value is None else [value]
    if not isinstance(value, dict):
        return []
    key, _, rest = path.partition(".")
    return values_at(value.get(key), rest)


def project(hit: Row, paths: Iterable[str]) -> Row:
    """Cut a hit down to `paths` and its `id`; objects and lists that end up empty are left out."""
    tree: dict[str, Any] = {"id": {}}
    for path in paths:
        node = tree
        for key in path.split("."):
            node = node.setdefault(key, {})
    cut: Row = _cut(hit, tree)
    return cut


def _cut(value: Any, tree: dict[str, Any]) -> Any:
    if not tree:
        return value
    if isinstance(value, list):
        return [part for part in (_cut(item, tree) for item in value) if part != {}]
    if not isinstance(value, dict):
        return {}
    parts = {key: (_cut(value[key], inner), inner) for key, inner in tree.items() if key in value}
    return {key: part for key, (part, inner) in parts.items() if not (inner and part in ({}, []))}
