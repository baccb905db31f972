import contextlib
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from mgi.cohort.labels.labels import Labels
from mgi.cohort.labels.meaning import UNKNOWN, usable_survival
from mgi.cohort.labels.settings import LabelSettings
from mgi.cohort.labels.user_table import read_label_table
from mgi.core.errors import BadInputError

COLUMNS = {"patient_id": "barcode", "classes": {"idh": "IDH status", "grade": "Grade"}}
SURVIVAL = {"time_months": "OS months", "event": "Vital"}
HEADER = "barcode,IDH status,Grade,OS months,Vital,Age,Sex,Notes\n"
ROW = "TCGA-DU-0001-01A,Mutant,G2,12,1.0,40.5,FEMALE,x\n"


def read(folder: Path, text: str, name: str = "own.csv", **given: Any) -> Labels:
    (folder / name).write_text(text)
    columns = {**COLUMNS, **SURVIVAL, "age": "Age", "sex": "Sex", **given.pop("columns", {})}
    chosen = LabelSettings.read({"source": "table", "table": str(folder / name), "columns": columns, **given})
    return read_label_table(folder / name, chosen)


def test_a_row_is_read_with_its_barcode_cut_and_its_months_in_days(tmp_path: Path) -> None:
    found = read(tmp_path, HEADER + ROW)
    (row,) = [found.patients["TCGA-DU-0001"]]
    assert row.classes == {"idh": "Mutant", "grade": "G2"}
    assert row.time_days == 365.25
    assert (row.event, row.survival_reason, row.age_years, row.sex) == (True, None, 40.5, "female")
    assert (found.source, found.survival_source, found.endpoint) == ("own.csv", "own.csv", "OS")


@pytest.mark.parametrize("ending", ["csv", "tsv", "parquet"])
def test_every_kind_of_table_gives_the_same_labels(tmp_path: Path, ending: str) -> None:
    table = pd.DataFrame(
        {
            "patient_id": ["A", "B"], "grade": [2, 3], "days": [10.5, 20.0], "dead": [True, False],
            "idh": ["WT", None],
        }
    )  # fmt: skip
    path = tmp_path / f"own.{ending}"
    if ending == "parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep="\t" if ending == "tsv" else ",", index=False)
    columns = {"classes": {"grade": "grade", "idh": "idh"}, "time_days": "days", "event": "dead"}
    chosen = LabelSettings.read({"source": "table", "table": str(path), "columns": columns})
    found = read_label_table(path, chosen).patients
    assert {patient: dict(row.classes) for patient, row in found.items()} == {
        "A": {"grade": "2", "idh": "WT"},
        "B": {"grade": "3", "idh": None},
    }
    assert [(row.time_days, row.event) for row in found.values()] == [(10.5, True), (20.0, False)]


@pytest.mark.parametrize("text", [*UNKNOWN, "[Not Available]", "[unknown]", "not reported", "no idea"])
def test_what_means_unknown_is_missing_and_never_a_class(tmp_path: Path, text: str) -> None:
    row = f"TCGA-DU-0001,{text},{text},{text},{text},{text},{text},x\n"
    found = read(tmp_path, HEADER + row, unknown=["No idea"]).patients["TCGA-DU-0001"]
    assert found.is_unknown
    assert found.survival_reason == "no time and no event"


def test_rows_of_one_patient_are_joined_where_they_agree(tmp_path: Path) -> None:
    rows = "TCGA-DU-0001-01A,,G2,12,1,40,F,x\nTCGA_DU_0001_02A,Mutant,g2,12.0,1.0,NA,f,y\n"
    found = read(tmp_path, HEADER + rows).patients
    assert list(found) == ["TCGA-DU-0001"]
    assert found["TCGA-DU-0001"].classes == {"idh": "Mutant", "grade": "G2"}


@pytest.mark.parametrize(
    ("rows", "column", "said"),
    [
        (ROW + ROW.replace("Mutant", "WT"), "IDH status", r"TCGA-DU-0001: found 'Mutant' and 'WT'"),
        (ROW + ROW.replace("12", "13"), "OS months", "found '12' and '13'"),
        (ROW.replace("12", "soon"), "OS months", "TCGA-DU-0001: found 'soon', expected a number"),
        (ROW.replace("12", '"1,5"'), "OS months", "found '1,5', .*decimal comma"),
        (ROW.replace("12", "inf"), "OS months", "found 'inf', expected a number"),
        (ROW.replace("12", "1_2"), "OS months", "found '1_2', expected a number"),
        (ROW.replace("1.0", "perhaps"), "Vital", r"found 'perhaps', expected one of labels\.happened"),
        (ROW.replace("40.5", "-1"), "Age", "found -1, expected 0 years or more"),
        (ROW.replace("G2", "G" * 101), "Grade", r"101 characters"),
        (ROW.replace("TCGA-DU-0001-01A", ""), "barcode", "'': not a patient id"),
        (ROW.replace("TCGA-DU-0001-01A", "TCGA-DU"), "barcode", "'TCGA-DU': not a TCGA barcode"),
    ],
)
def test_a_cell_that_cannot_be_used_is_named(tmp_path: Path, rows: str, column: str, said: str) -> None:
    with pytest.raises(BadInputError, match=rf"own\.csv: column {column}: .*{said}"):
        read(tmp_path, HEADER + rows)


def test_a_column_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"own\.csv: columns: found no 'WHO', .* among 'barcode', .*'Notes'"):
        read(tmp_path, HEADER + ROW, columns={"classes": {"grade": "WHO"}})
    with pytest.raises(BadInputError, match="found 'Grade' 2 times"):
        read(tmp_path, HEADER.replace("Notes", "Grade") + ROW)


def test_the_patients_column_is_found_by_its_name_or_is_the_first_unless_it_is_named(tmp_path: Path) -> None:
    rows = "G2,TCGA-DU-0001,A\n"
    classes = {"classes": {"grade": "Grade"}}
    for columns, patient in (({}, "TCGA-DU-0001"), ({"patient_id": "who"}, "A")):
        path = tmp_path / "named.csv"
        path.write_text("Grade,Case,who\n" + rows)
        chosen = LabelSettings.read({"source": "table", "table": str(path), "columns": classes | columns})
        assert list(read_label_table(path, chosen).patients) == [patient]
    path.write_text("who,Grade\nA,G2\n")
    assert list(read_label_table(path, LabelSettings.read(dict(chosen) | {"columns": classes})).patients) == ["A"]
    path.write_text("Grade,who\nG2,A\n")
    with pytest.raises(BadInputError, match=r"'Grade' taken for the patients' column, and read as a label too"):
        read_label_table(path, LabelSettings.read(dict(chosen) | {"columns": classes}))


@pytest.mark.parametrize(
    ("name", "content"),
    [("own.xlsx", b"PK"), ("own.csv", b""), ("own.parquet", b"PAR1 and no more"), ("own.csv", b"a,b\n\xff,\xfe\n")],
)
def test_what_is_no_table_is_named(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    chosen = LabelSettings.read({"source": "table", "table": str(path), "columns": {"classes": {"x": "a"}}})
    with pytest.raises(BadInputError, match=name):
        read_label_table(path, chosen)


def test_a_table_that_is_not_there_is_named_by_its_key(tmp_path: Path) -> None:
    chosen = LabelSettings.read({"source": "table", "table": "none.csv", "columns": {"classes": {"x": "a"}}})
    with pytest.raises(BadInputError, match=r"labels\.table: .*none\.csv.*not readable"):
        read_label_table(tmp_path / "none.csv", chosen)


@pytest.mark.parametrize(
    ("time", "event", "expected"),
    [
        (2.0, True, (2.0, True, None)),
        (2.0, False, (2.0, False, None)),
        (0.0, True, (None, None, "time 0 days, not above 0")),
        (-0.03, False, (None, None, "time -0.03 days, not above 0")),
        (None, True, (None, None, "no time")),
        (3.0, None, (None, None, "no event")),
        (None, None, (None, None, "no time and no event")),
    ],
)
def test_survival_needs_a_time_above_0_and_an_event(
    time: float | None, event: bool | None, expected: tuple[float | None, bool | None, str | None]
) -> None:
    assert usable_survival(time, event) == expected


def test_a_month_is_a_twelfth_of_a_year() -> None:
    days, _, _ = usable_survival(1.0, event=True, unit="months")
    assert days is not None
    assert math.isclose(days, 365.25 / 12)


def test_only_named_errors_leave_the_reader_whatever_byte_is_changed(tmp_path: Path) -> None:
    whole = bytes(HEADER + ROW + ROW.replace("0001", "0002").replace("Mutant", "WT"), "utf-8")
    rng = np.random.default_rng(0)
    columns = {**COLUMNS, **SURVIVAL, "age": "Age", "sex": "Sex"}
    for _ in range(300):
        data = bytearray(whole)
        data[rng.integers(len(data))] = rng.integers(256)
        (tmp_path / "own.csv").write_bytes(bytes(data))
        chosen = LabelSettings.read({"source": "table", "table": str(tmp_path / "own.csv"), "columns": columns})
        with contextlib.suppress(BadInputError):
            read_label_table(tmp_path / "own.csv", chosen)


def test_the_published_subtypes_are_read_beside_the_patients_with_expression(real_data: Path) -> None:
    path = real_data / "clinical/ceccarelli2016_lgg_gbm_subtypes.csv"
    columns = {
        "patient_id": "patient", "classes": {"idh": "IDH.status", "grade": "Grade"},
        "time_months": "Survival..months.", "event": "Vital.status..1.dead.",
    }  # fmt: skip
    expression = real_data / "expression/tcga_lgg_rsem_zscore_1544genes.parquet"
    cohort = pd.read_parquet(expression, columns=[]).index.tolist()
    chosen = LabelSettings.read({"source": "table", "table": str(path), "columns": columns})
    found = read_label_table(path, chosen).beside(cohort)
    assert found.classes("idh") == {"Mutant": 374, "WT": 83}
    reasons = [row.survival_reason for row in found.rows.values() if row.survival_reason]
    assert sum("not above 0" in reason for reason in reasons) == 3
    assert list(found.faults()) == []
