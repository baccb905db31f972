import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from mgi.cli import main
from mgi.cohort.labels.file import read_labels
from mgi.core.sidecar import sidecar_of
from small_locks import cohort_row, write_cohort_table

A, B, C = "TCGA-DU-0001", "TCGA-CS-0002", "TCGA-HT-0003"
TABLE = pd.DataFrame(
    {
        "case": [f"{A}-01A", B, "TCGA-02-9999"],
        "IDH": ["Mutant", "WT", "WT"],
        "days": ["100", "-1", "5"],
        "status": ["Dead", "Alive", "Alive"],
    }
)
COLUMNS = {"patient_id": "case", "classes": {"idh": "IDH"}, "time_days": "days", "event": "status"}


def labels(folder: Path, table: pd.DataFrame = TABLE, **columns: Any) -> int:
    write_cohort_table([cohort_row(A), cohort_row(B), cohort_row(C, reason="no mask")], folder / "cohort.parquet")
    table.to_csv(folder / "own.tsv", sep="\t", index=False)
    settings = {"source": "table", "table": str(folder / "own.tsv"), "columns": COLUMNS | columns}
    return main(
        [
            "labels", "--cohort", str(folder / "cohort.parquet"), "--settings", json.dumps(settings),
            "--output", str(folder / "labels.parquet"), "--tsv", str(folder / "labels.tsv"),
        ]
    )  # fmt: skip


def test_every_patient_of_the_cohort_has_a_row_with_its_labels_or_a_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert labels(tmp_path) == 0
    table = read_labels(tmp_path / "labels.parquet").table.set_index("patient_id")
    table = table.astype(object).where(table.notna(), None)
    assert table["idh"].to_dict() == {A: "Mutant", B: "WT", C: None}
    assert table["survival_reason"].to_dict() == {A: None, B: "time -1 days, not above 0", C: None}
    assert table["reason"].to_dict() == {A: None, B: None, C: "not in own.tsv"}
    said = capsys.readouterr().out
    assert "2 of 3 patients of the cohort are in own.tsv, 1 are not" in said
    assert "1 patients of own.tsv are not in the cohort: TCGA-02-9999" in said


def test_the_same_inputs_give_the_same_bytes(tmp_path: Path) -> None:
    names = ("labels.parquet", "labels.tsv", "labels.tsv.sha256")
    assert labels(tmp_path) == 0
    first = [(tmp_path / name).read_bytes() for name in names]
    assert labels(tmp_path) == 0
    assert first == [(tmp_path / name).read_bytes() for name in names]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"IDH": "WT"}, r"own\.tsv: column IDH: found one class, 'WT' (2 of 3"),
        ({"IDH": "[Unknown]"}, r"own\.tsv: column IDH: found 0 classes"),
        ({"status": "Alive"}, r"own\.tsv: OS: found 1 censored times and no event"),
        ({"days": "0"}, r"own\.tsv: OS: found no time among 3 patients"),
        ({"case": ["X1", "X2", "X3"]}, rf"own\.tsv: found 3 patients such as 'X1', .*such as '{B}'"),
    ],
)
def test_labels_that_are_useless_for_the_cohort_are_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any], said: str
) -> None:
    assert labels(tmp_path, TABLE.assign(**change)) == 5
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said.replace("(2", r"\(2"), line)
    assert not list(tmp_path.glob("labels*"))
    assert not sidecar_of(tmp_path / "labels.tsv").exists()


def test_a_config_without_a_source_of_labels_is_refused(tmp_path: Path) -> None:
    code = main(["labels", "--cohort", "c", "--settings", "{}", "--output", "o", "--tsv", str(tmp_path / "t")])
    assert code == 2
