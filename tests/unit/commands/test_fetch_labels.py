import json
from pathlib import Path
from typing import Any

import pandas as pd

from mgi.cli import main
from mgi.cohort.labels.file import read_labels
from small_locks import cohort_row, write_cohort_table


def fetch(output: Path, archive: Path | None, **settings: Any) -> int:
    given = json.dumps({"source": "gdc", "retry_base_s": 0.0, **settings})
    where = ["--archive", str(archive)] if archive else []
    return main(["fetch-labels", "--settings", given, *where, "--output", str(output)])


def labels(folder: Path, settings: dict[str, Any], *more: str) -> int:
    return main(
        [
            "labels", "--cohort", str(folder / "cohort.parquet"), "--settings", json.dumps(settings), *more,
            "--output", str(folder / "labels.parquet"), "--tsv", str(folder / "labels.tsv"),
        ]
    )  # fmt: skip


def test_cases_are_fetched_twice_to_the_same_bytes_and_followed_without_asking(
    simulated_archive: Path, tmp_path: Path, asked: Any
) -> None:
    assert fetch(tmp_path / "a.json", simulated_archive) == 0
    assert {"/status", "/cases"} == {path.split("?")[0] for path in asked}
    assert fetch(tmp_path / "b.json", simulated_archive) == 0
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "127.0.0.1" not in (tmp_path / "a.json").read_text()
    asked.clear()
    assert fetch(tmp_path / "c.json", simulated_archive, lock=str(tmp_path / "a.json")) == 0
    assert asked == []
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "c.json").read_bytes()


def test_the_archives_cases_and_the_users_table_beside_it_say_the_same(simulated_archive: Path, tmp_path: Path) -> None:
    patients = [case[:12] for case in pd.read_csv(simulated_archive / "labels.tsv", sep="\t")["case"]]
    write_cohort_table([cohort_row(patient, simulated=True) for patient in patients], tmp_path / "cohort.parquet")
    assert fetch(tmp_path / "cases.json", simulated_archive) == 0
    assert labels(tmp_path, {"source": "gdc"}, "--cases", str(tmp_path / "cases.json")) == 0
    of_gdc = read_labels(tmp_path / "labels.parquet")
    columns = {
        "patient_id": "case", "classes": {"grade": "grade", "subtype": "subtype"}, "time_days": "OS days",
        "event": "vital status", "age": "age", "sex": "sex",
    }  # fmt: skip
    table = str(simulated_archive / "labels.tsv")
    assert labels(tmp_path, {"source": "table", "table": table, "columns": columns}) == 0
    own = read_labels(tmp_path / "labels.parquet")
    assert (of_gdc.classes, own.classes) == (("grade",), ("grade", "subtype"))
    assert of_gdc.table["simulated"].all()
    both = of_gdc.table.merge(own.table, on="patient_id")
    assert len(both) == len(patients)
    known = both.dropna(subset=["time_days_x"])
    assert len(known) >= len(both) - 3  # the cases' quirks
    assert (known["time_days_x"] == known["time_days_y"]).all()
    assert (known["event_x"] == known["event_y"]).all()
    assert (known["sex_x"] == known["sex_y"]).all()
    assert (known["age_years_x"] - known["age_years_y"]).abs().max() < 0.06
    assert set(of_gdc.known("grade").items()) <= set(own.known("grade").items())


def test_what_cannot_be_asked_is_refused_in_a_line(simulated_archive: Path, tmp_path: Path, capsys: Any) -> None:
    def line() -> str:
        (one,) = capsys.readouterr().err.splitlines()
        return str(one)

    assert fetch(tmp_path / "a.json", simulated_archive, project="TCGA-ZZZ") == 5
    assert "no cases of project 'TCGA-ZZZ'" in line()
    assert fetch(tmp_path / "a.json", tmp_path) == 2
    assert "no archive.json" in line()
    assert fetch(tmp_path / "a.json", None, lock=str(tmp_path / "none.json")) == 5
    assert "none.json: missing" in line()
    assert main(["fetch-labels", "--settings", "{}", "--output", str(tmp_path / "a.json")]) == 2
    assert "labels.source: found null, expected gdc" in line()
    assert labels(tmp_path, {"source": "gdc"}) == 2
    assert "--cases: found nothing" in line()
    assert not (tmp_path / "a.json").exists()
