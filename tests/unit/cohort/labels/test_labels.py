from typing import Any

import pytest

from mgi.cohort.labels.labels import FEWEST_ALONE, CohortLabels, Labels, PatientLabels
from mgi.core.errors import BadInputError

A, B, C = "TCGA-DU-0001", "TCGA-CS-0002", "TCGA-HT-0003"


def patient(idh: str | None, **given: Any) -> PatientLabels:
    return PatientLabels(classes={"idh": idh}, **given)


def beside(cohort: list[str], endpoint: str | None = None, **patients: PatientLabels) -> CohortLabels:
    named = {"A": A, "B": B, "C": C}
    labels = Labels(
        patients={named[name]: row for name, row in patients.items()},
        place="own.csv",
        source="own.csv",
        column_of={"idh": "IDH"},
        endpoint=endpoint,
        survival_source="own.csv",
    )
    return labels.beside(cohort)


def test_every_patient_of_the_cohort_has_a_row_and_others_are_counted() -> None:
    found = beside([A, B], A=patient("WT"), C=patient("Mutant"))
    assert list(found.rows) == sorted([A, B])
    assert found.rows[B].is_unknown
    assert (found.reason(A), found.reason(B)) == (None, "not in own.csv")
    assert found.others == (C,)
    assert f"1 patients of own.csv are not in the cohort: {C}" in found.summary()
    assert "1 of 2 patients of the cohort are in own.csv, 1 are not" in found.summary()


def test_a_patient_of_whom_all_is_unknown_says_so() -> None:
    assert beside([A, B], A=patient(None), B=patient("WT")).reason(A) == "every label is unknown"


def test_a_table_of_other_patients_alone_is_refused_with_ids_of_both() -> None:
    with pytest.raises(BadInputError, match=rf"own\.csv: found 1 patients such as '{C}', .*such as '{B}'"):
        beside([A, B], C=patient("WT"))
    with pytest.raises(BadInputError, match=rf"'{C}'.*'{C.lower()}'"):
        beside([A.lower(), C.lower()], C=patient("WT"))


def test_a_label_needs_two_classes_in_the_cohort() -> None:
    assert list(beside([A, B], A=patient("WT"), B=patient("Mutant")).faults()) == []
    (one,) = beside([A, B], A=patient("WT"), C=patient("Mutant")).faults()
    assert one.startswith("own.csv: column IDH: found one class, 'WT' (1 of 2 patients")
    (none,) = beside([A], A=patient(None)).faults()
    assert none.startswith("own.csv: column IDH: found 0 classes (0 of 1")


def test_a_label_of_which_every_patient_has_a_class_alone_is_refused() -> None:
    def faults(classes: list[str]) -> list[str]:
        rows = {f"P{number}": patient(one) for number, one in enumerate(classes)}
        about = {"endpoint": None, "survival_source": None}
        labels = Labels(patients=rows, place="own.csv", source="own.csv", column_of={"idh": "IDH"}, **about)
        return list(labels.beside(list(rows)).faults())

    (one,) = faults([f"{number}.5" for number in range(FEWEST_ALONE + 1)])
    assert one.startswith("own.csv: column IDH: found a class of its own for each of 11 patients, such as '0.5'")
    assert faults([f"{number}.5" for number in range(FEWEST_ALONE)]) == []
    assert faults([f"{number // 2}" for number in range(FEWEST_ALONE + 1)]) == []


def test_survival_needs_an_event_in_the_cohort() -> None:
    def fault(*events: bool | None) -> list[str]:
        rows = [patient(idh, event=event, time_days=event and 1.0) for idh, event in zip("xy", events, strict=True)]
        return list(beside([A, B], "PFI", A=rows[0], B=rows[1]).faults())

    assert fault(True, None) == []
    assert "PFI: found 2 censored times and no event among 2 patients" in fault(False, False)[0]
    assert "PFI: found no time among 2 patients" in fault(None, None)[0]


def test_the_summary_counts_classes_events_and_who_is_left_out() -> None:
    found = beside(
        [A, B, C],
        "OS",
        A=patient("WT", time_days=2.0, event=True),
        B=patient(None, survival_reason="no time"),
    )
    assert found.summary()[1:] == [
        "idh: 1 WT, 2 unknown",
        "OS (own.csv): 1 events, 0 censored; left out: 1 no row, 1 no time",
    ]
