"""Labels from the cases of the GDC: grade, survival, age and sex.

Sources: GDC API users guide, "Search and Retrieval", Appendix A (fields of /cases); release notes of API 8.5: survival
takes only the vital status alive or dead, and of the living the latest day of any follow-up. Treatments are not asked
for: of TCGA-LGG the index has them wrong.
"""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mgi.cohort.labels.labels import Labels, PatientLabels
from mgi.cohort.labels.meaning import is_unknown, usable_survival
from mgi.cohort.labels.settings import GDC_CLASSES, LabelSettings
from mgi.core.errors import BadInputError, ConfigError, IntegrityError
from mgi.core.files import read_json
from mgi.core.ids import patient_id_of
from mgi.core.text import printable
from mgi.http.address import is_loopback
from mgi.http.gdc_search import all_hits, gdc_status
from mgi.http.service import Service

KIND, FORMAT = "gdc_cases", 1
DAYS_PER_YEAR = 365.25
(GRADE,), GRADE_FIELD = GDC_CLASSES, "diagnoses.tumor_grade"
NOT_ASSESSED = "GX"  # a pathologist's word for a grade that cannot be told
FIELDS = (
    "case_id", "submitter_id", "demographic.vital_status", "demographic.days_to_death", "demographic.sex_at_birth",
    "diagnoses.age_at_diagnosis", "diagnoses.days_to_last_follow_up", GRADE_FIELD, "follow_ups.days_to_follow_up",
)  # fmt: skip
PRIMARY_FIELD = "diagnoses.diagnosis_is_primary_disease"
"""Where a case has several diagnoses, this tells the first tumour's; older releases do not know it."""

Case = Mapping[str, Any]


def cases_query(project: str) -> dict[str, Any]:
    """The body of POST /cases for a project; values are case-sensitive."""
    filters = {"op": "in", "content": {"field": "project.project_id", "value": [project]}}
    fields = ",".join((*FIELDS, PRIMARY_FIELD))
    return {"filters": filters, "fields": fields, "sort": "case_id:asc", "format": "JSON"}


def search_cases(service: Service, project: str, *, simulated: bool = False) -> dict[str, Any]:
    """All cases of a project as the GDC tells them, with its release, to be kept.

    Raises BadInputError where there is none or one that no reader understands.
    """
    release, says_simulated = gdc_status(service)
    cases = all_hits(service, "cases", cases_query(project), id_field="case_id", optional=(PRIMARY_FIELD,))
    if not cases:
        raise BadInputError(f"GDC: no cases of project {project!r}; labels.project is case-sensitive (TCGA-LGG)")
    found = {
        "kind": KIND, "format": FORMAT, "project": project, "release": release,
        "simulated": simulated or says_simulated, "cases": cases,
    }  # fmt: skip
    labels_of_cases(found, f"GDC cases of {project}")
    return found


def read_cases(path: Path | str) -> dict[str, Any]:
    """Cases that were kept, as `search_cases` gave them.

    Raises BadInputError for a file that holds anything else, and IntegrityError for one that was edited.
    """
    found = read_json(path)
    if (found.get("kind"), found.get("format")) != (KIND, FORMAT):
        said = f"{found.get('kind')!r} of format {found.get('format')!r}"
        raise BadInputError(f"{path}: kind: found {said}, expected {KIND!r} of format {FORMAT}")
    return found


def kept_cases(where: str, chosen: LabelSettings, *, simulated: bool) -> dict[str, Any]:
    """Cases of an earlier run, where they can stand for those that this run would ask for.

    Raises ConfigError for another project, and for a simulated archive's in place of a real one's or the reverse.
    """
    try:
        found = read_cases(where)
    except OSError as error:
        raise BadInputError(f"labels.lock: {where}: not readable ({error.strerror})") from None
    labels_of_cases(found, where)
    if found["project"] != chosen.project:
        expected = f"{chosen.project!r} as labels.project"
        raise ConfigError(f"{where}: project: found {found['project']!r}, expected {expected}")
    if found["simulated"] is not simulated and (simulated or not is_loopback(chosen.base_url)):
        kinds = {True: "a simulated archive", False: "the real one"}
        raise ConfigError(
            f"{where}: simulated: found cases of {kinds[not simulated]}, expected {kinds[simulated]}, which this run "
            "asks: set labels.lock to null, or name other cases"
        )
    return found


def labels_of_cases(found: Case, place: str) -> Labels:
    """The labels of every case.

    Raises BadInputError for a case of another shape, and IntegrityError for a patient with two cases.
    """
    patients: dict[str, PatientLabels] = {}
    try:
        cases, project, release = found["cases"], str(found["project"]), found["release"]
        simulated = found["simulated"] is True
    except KeyError as error:
        raise BadInputError(f"{place}: {error.args[0]}: missing") from None
    if not isinstance(cases, list):
        raise BadInputError(f"{place}: cases: found {type(cases).__name__}, expected a list")
    for case in cases:
        patient = _patient(case, place)
        if patient in patients:
            raise IntegrityError(f"{place}: submitter_id: {patient} has two cases, expected one")
        patients[patient] = _labels_of(case, f"{place}: {patient}")
    return Labels(
        patients=patients,
        place=place,
        source=f"GDC {project}",
        column_of={GRADE: GRADE_FIELD},
        endpoint="OS",
        survival_source=f"GDC, {release or 'release not stated'}",
        simulated=simulated,
        metadata={"project": project, "release": str(release)},
    )


def _patient(case: Any, place: str) -> str:
    label = case.get("submitter_id") if isinstance(case, Mapping) else None
    if not isinstance(label, str):
        raise BadInputError(f"{place}: submitter_id: found {printable(label)!r}, expected a barcode")
    try:
        return patient_id_of(label)
    except BadInputError as error:
        raise BadInputError(f"{place}: submitter_id: {error}") from None


def _labels_of(case: Case, where: str) -> PatientLabels:
    person = case.get("demographic")
    if person is not None and not isinstance(person, Mapping):
        raise BadInputError(f"{where}: demographic: found {type(person).__name__}, expected an object or null")
    diagnoses = _first_tumour(_rows(case, "diagnoses", where))
    event = _event(person or {}, where)
    time = _latest(case, where) if event is False else _number(person or {}, "demographic", "days_to_death", where)
    days, known_event, reason = usable_survival(time, event)
    ages = [_number(row, "diagnoses", "age_at_diagnosis", where) for row in diagnoses]
    grades = {text for row in diagnoses if (text := _text(row, "diagnoses", "tumor_grade", where)) is not None}
    return PatientLabels(
        classes={GRADE: grades.pop() if len(grades) == 1 and grades != {NOT_ASSESSED} else None},
        time_days=days,
        event=known_event,
        survival_reason=reason,
        age_years=min((age / DAYS_PER_YEAR for age in ages if age is not None and age >= 0), default=None),
        sex=_text(person or {}, "demographic", "sex_at_birth", where),
    )


def _event(person: Case, where: str) -> bool | None:
    """Whether the patient died; None for whatever is neither alive nor dead."""
    status = _text(person, "demographic", "vital_status", where)
    return {"dead": True, "alive": False}.get((status or "").casefold())


def _latest(case: Case, where: str) -> float | None:
    """The last day on which a living patient was seen; follow-ups come in no order."""
    places = (("diagnoses", "days_to_last_follow_up"), ("follow_ups", "days_to_follow_up"))
    days = [_number(row, name, key, where) for name, key in places for row in _rows(case, name, where)]
    return max((day for day in days if day is not None), default=None)


def _rows(case: Case, name: str, where: str) -> Sequence[Case]:
    """A nested list, which may be null or not there."""
    rows = case.get(name) or []
    if not isinstance(rows, list) or not all(row is None or isinstance(row, Mapping) for row in rows):
        raise BadInputError(f"{where}: {name}: found {printable(rows, 60)}, expected a list of objects or null")
    return [row for row in rows if row is not None]


def _first_tumour(diagnoses: Sequence[Case]) -> Sequence[Case]:
    """Those of the diagnoses that are of the primary disease; all where none says so."""
    named = [row for row in diagnoses if row.get("diagnosis_is_primary_disease") in (True, "true")]
    return named or diagnoses


def _number(row: Case, name: str, key: str, where: str) -> float | None:
    value = row.get(key)
    if value is None or (isinstance(value, str) and is_unknown(value)):
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise BadInputError(f"{where}: {name}.{key}: found {printable(value)!r}, expected a number of days or null")
    return float(value)


def _text(row: Case, name: str, key: str, where: str) -> str | None:
    value = row.get(key)
    if value is not None and not isinstance(value, str):
        raise BadInputError(f"{where}: {name}.{key}: found {printable(value)!r}, expected text or null")
    return None if value is None or is_unknown(value) else printable(value)
