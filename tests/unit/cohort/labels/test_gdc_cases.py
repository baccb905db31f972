import json
from pathlib import Path
from typing import Any

import pytest

from mgi.cohort.labels.gdc_cases import (
    cases_query,
    kept_cases,
    labels_of_cases,
    read_cases,
    search_cases,
)
from mgi.cohort.labels.labels import PatientLabels
from mgi.cohort.labels.settings import LabelSettings
from mgi.core.errors import BadInputError, ConfigError, IntegrityError, MgiError, NetworkError
from mgi.core.files import write_json
from mgi.http import gdc_search
from mgi.http.retry import RetryPolicy

PATIENT = "TCGA-DU-0001"
LOST = {"fields": "unrecognized values: [diagnoses.tumor_grade]"}
STATUS = {"status": "OK", "data_release": "Data Release 45.0"}


def case(patient: str = PATIENT, **given: Any) -> dict[str, Any]:
    return {
        "case_id": f"id-{patient}",
        "submitter_id": patient,
        "demographic": {"vital_status": "Alive", "days_to_death": None, "sex_at_birth": "female"},
        "diagnoses": [{"tumor_grade": "G2", "age_at_diagnosis": 14610, "days_to_last_follow_up": 100}],
        "follow_ups": [{"days_to_follow_up": 300}, {"days_to_follow_up": 900}, {"days_to_follow_up": None}],
        **given,
    }


def found(*cases: Any, **more: Any) -> dict[str, Any]:
    pinned = {"kind": "gdc_cases", "format": 1, "project": "TCGA-LGG", "release": "Data Release 45.0"}
    return {**pinned, "simulated": False, "cases": list(cases), **more}


def labels(**given: Any) -> PatientLabels:
    return labels_of_cases(found(case(**given)), "GDC").patients[PATIENT]


def dead(day: object) -> dict[str, Any]:
    return {"demographic": {"vital_status": "Dead", "days_to_death": day}}


def test_a_living_patient_is_censored_on_the_latest_day_of_any_follow_up() -> None:
    one = labels()
    assert (one.time_days, one.event, one.survival_reason) == (900.0, False, None)
    assert (one.classes, one.age_years, one.sex) == ({"grade": "G2"}, 40.0, "female")
    assert labels(follow_ups=[{"days_to_follow_up": 40}]).time_days == 100.0


def test_a_dead_patient_has_the_day_of_death_whatever_was_seen_later() -> None:
    one = labels(**dead(250))
    assert (one.time_days, one.event) == (250.0, True)


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        (dead(None), "no time"),
        (dead("Not Reported"), "no time"),
        (dead(0), "time 0 days, not above 0"),
        ({"demographic": {"vital_status": "Not Reported", "days_to_death": 3}}, "no event"),
        ({"demographic": {"vital_status": "Unknown"}}, "no time and no event"),
        ({"demographic": None}, "no time and no event"),
        ({"diagnoses": None, "follow_ups": None}, "no time"),
        ({"diagnoses": [{"days_to_last_follow_up": -1}], "follow_ups": []}, "time -1 days, not above 0"),
    ],
)
def test_survival_that_cannot_be_used_says_why(given: dict[str, Any], reason: str) -> None:
    one = labels(**given)
    assert (one.time_days, one.event, one.survival_reason) == (None, None, reason)


@pytest.mark.parametrize("grade", [None, "Not Reported", "not reported", "Unknown", "GX", ""])
def test_a_grade_that_nobody_told_is_unknown(grade: str | None) -> None:
    assert labels(diagnoses=[{"tumor_grade": grade}]).classes == {"grade": None}


def test_of_several_diagnoses_the_primary_one_counts_and_two_grades_are_none() -> None:
    first = {"tumor_grade": "G2", "age_at_diagnosis": 3652.5, "diagnosis_is_primary_disease": True}
    later = {"tumor_grade": "G3", "age_at_diagnosis": 7305, "diagnosis_is_primary_disease": False}
    assert labels(diagnoses=[later, first]).classes == {"grade": "G2"}
    assert labels(diagnoses=[later, first]).age_years == 10.0
    unmarked = [{key: row[key] for key in ("tumor_grade", "age_at_diagnosis")} for row in (first, later)]
    assert labels(diagnoses=unmarked).classes == {"grade": None}
    assert labels(diagnoses=[*unmarked[:1], None]).classes == {"grade": "G2"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (dead("soon"), r"TCGA-DU-0001: demographic\.days_to_death: found 'soon', expected a number"),
        (dead(True), r"demographic\.days_to_death: found 'True'"),
        ({"demographic": []}, r"demographic: found list, expected an object"),
        ({"diagnoses": {}, "follow_ups": "x"}, r"follow_ups: found x, expected a list"),
        ({"diagnoses": [3]}, r"diagnoses: found \[3\], expected a list"),
        ({"diagnoses": [{"tumor_grade": 2}]}, r"diagnoses\.tumor_grade: found '2', expected text"),
        ({"submitter_id": None}, r"submitter_id: found 'None', expected a barcode"),
        ({"submitter_id": "TCGA-1"}, "TCGA-1"),
    ],
)
def test_a_case_of_another_shape_is_refused_by_patient_and_field(given: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInputError, match=said):
        labels(**given)


def test_two_cases_of_a_patient_are_refused() -> None:
    with pytest.raises(IntegrityError, match=f"submitter_id: {PATIENT} has two cases"):
        labels_of_cases(found(case(), case()), "GDC")


def test_the_release_and_the_endpoint_are_told() -> None:
    told = labels_of_cases(found(case()), "GDC")
    assert (told.source, told.endpoint, told.survival_source) == ("GDC TCGA-LGG", "OS", "GDC, Data Release 45.0")
    assert told.column_of == {"grade": "diagnoses.tumor_grade"}


def page(cases: list[dict[str, Any]], total: int, **more: Any) -> bytes:
    return json.dumps({"data": {"hits": cases, "pagination": {"total": total}}, **more}).encode()


def scripted(stub: Any, reply: Any, *pages: bytes) -> None:
    stub.script["/status"] = [reply(body=json.dumps(STATUS).encode())]
    stub.script["/cases"] = [reply(body=body) for body in pages]


def test_every_page_is_read_and_asked_for_by_the_fields_that_are_read(
    stub: Any, reply: Any, service_at: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gdc_search, "PAGE_SIZE", 2)
    cases = [case(f"TCGA-DU-000{number}") for number in range(3)]
    scripted(stub, reply, page(cases[:2], 3), page(cases[2:], 3))
    told = search_cases(service_at(stub.url), "TCGA-LGG")
    assert told == found(*cases)
    asked = [posted for *_, posted in stub.seen if posted]
    assert [(one["from"], one["size"]) for one in asked] == [(0, 2), (2, 2)]
    assert {key: asked[0][key] for key in cases_query("TCGA-LGG")} == cases_query("TCGA-LGG")
    assert "treatment" not in asked[0]["fields"]


@pytest.mark.parametrize(
    ("pages", "kind", "said"),
    [
        ([page([], 0)], BadInputError, "no cases of project 'TCGA-LGG'"),
        ([page([case()], 2), page([case()], 2)], IntegrityError, "GDC cases: 1 unique"),
        ([page([case()], 1, warnings=LOST)], NetworkError, "tumor_grade"),
        ([page([case(diagnoses=[{"tumor_grade": 2}])], 1)], BadInputError, "tumor_grade"),
        ([b"{}"], NetworkError, "GDC cases: a reply without"),
    ],
)  # fmt: skip
def test_a_search_that_does_not_add_up_is_refused(
    stub: Any, reply: Any, service_at: Any, pages: list[bytes], kind: type[MgiError], said: str
) -> None:
    scripted(stub, reply, *pages)
    with pytest.raises(kind, match=said):
        search_cases(service_at(stub.url, policy=RetryPolicy(attempts=1)), "TCGA-LGG")


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 503},
        {"status": 429, "headers": {"Retry-After": "0"}},
        {"body": b"<html>maintenance</html>", "headers": {"Content-Type": "text/html"}},
        {"body": page([case()], 1), "sent": 40},
        {"body": page([case()], 1)[:40]},
        {"body": page([case()], 2)},
        {"body": b""},
    ],
    ids=["503", "429", "a web page", "cut off", "half a body", "a total that changes", "nothing"],
)
def test_a_fault_that_passes_is_survived_with_every_case(
    stub: Any, reply: Any, service_at: Any, fault: dict[str, Any]
) -> None:
    scripted(stub, reply, page([case()], 1))
    stub.script["/cases"] = [reply(**fault), reply(body=page([case()], 1))]
    told = search_cases(service_at(stub.url), "TCGA-LGG")
    assert [one["submitter_id"] for one in told["cases"]] == [PATIENT]


@pytest.mark.parametrize("status", [400, 403, 404, 500])
def test_a_fault_that_stays_is_one_line_that_names_it(stub: Any, reply: Any, service_at: Any, status: int) -> None:
    scripted(stub, reply, b"")
    stub.script["/cases"] = [reply(status=status, body=b"{}")]
    with pytest.raises(NetworkError, match=rf"cases.*HTTP {status}"):
        search_cases(service_at(stub.url, policy=RetryPolicy(attempts=1)), "TCGA-LGG")


def test_a_release_that_does_not_know_primary_diseases_is_survived(stub: Any, reply: Any, service_at: Any) -> None:
    warning = {"fields": "unrecognized values: [diagnoses.diagnosis_is_primary_disease]"}
    scripted(stub, reply, page([case()], 1, warnings=warning))
    assert len(search_cases(service_at(stub.url), "TCGA-LGG")["cases"]) == 1


def test_kept_cases_stand_in_for_a_search_of_the_same_archive_alone(tmp_path: Path) -> None:
    path, chosen = tmp_path / "cases.json", LabelSettings.read({"source": "gdc"})
    write_json(path, found(case()))
    assert kept_cases(str(path), chosen, simulated=False) == found(case())
    with pytest.raises(ConfigError, match=r"cases\.json: simulated: found cases of the real one"):
        kept_cases(str(path), chosen, simulated=True)
    with pytest.raises(ConfigError, match=r"cases\.json: project: found 'TCGA-LGG', expected 'TCGA-GBM'"):
        kept_cases(str(path), chosen.but(project="TCGA-GBM"), simulated=False)
    write_json(path, found(case(), simulated=True))
    with pytest.raises(ConfigError, match="found cases of a simulated archive"):
        kept_cases(str(path), chosen, simulated=False)
    assert kept_cases(str(path), chosen.but(base_url="http://127.0.0.1:9"), simulated=False)


def test_kept_cases_that_are_none_are_refused(tmp_path: Path) -> None:
    write_json(tmp_path / "lock.json", {"modality": "rna"})
    with pytest.raises(BadInputError, match=r"lock\.json: kind: found None of format None, expected 'gdc_cases'"):
        read_cases(tmp_path / "lock.json")
    with pytest.raises(BadInputError, match=r"none\.json: missing"):
        kept_cases(str(tmp_path / "none.json"), LabelSettings.read({"source": "gdc"}), simulated=False)
    write_json(tmp_path / "edited.json", found(case()))
    (tmp_path / "edited.json").write_text((tmp_path / "edited.json").read_text().replace("900", "901"))
    with pytest.raises(IntegrityError, match="damaged or edited"):
        read_cases(tmp_path / "edited.json")
