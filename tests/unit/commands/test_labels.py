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
from small_shards import shard_of_table

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


@pytest.fixture
def mutations(tmp_path: Path) -> Path:
    """A shard in which A is mutant, B is wild type and C was not sequenced."""
    table = tmp_path / "genes.csv"
    table.write_text(f"gene_id,{A}-01A,{B}-01A\nIDH1,1,0\nTP53,0,1\n")
    shard_of_table(tmp_path / "mutation", "mutation", table, {A: f"{A}-01A", B: f"{B}-01A"})
    return tmp_path / "mutation/shard/dataset.json"


def with_oracles(folder: Path, settings: dict[str, Any], *more: str) -> int:
    write_cohort_table([cohort_row(A), cohort_row(B), cohort_row(C, reason="no mask")], folder / "cohort.parquet")
    outputs = ["--output", str(folder / "labels.parquet"), "--tsv", str(folder / "labels.tsv")]
    given = ["--cohort", str(folder / "cohort.parquet"), "--settings", json.dumps(settings)]
    return main(["labels", *given, *outputs, *more])


def test_oracles_alone_are_labels_that_a_modality_tells(
    tmp_path: Path, mutations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"source": "oracles", "oracles": ["idh", "tp53"]}
    assert with_oracles(tmp_path, settings, "--oracles", f"mutation={mutations}") == 0
    found = read_labels(tmp_path / "labels.parquet")
    assert found.classes == ("idh", "tp53")
    assert (found.known("idh"), found.known("tp53")) == (
        {A: "mutant", B: "wildtype"},
        {A: "wildtype", B: "mutant"},
    )
    assert found.circular("idh", ["mutation"]) == "idh is read off mutation"
    assert found.circular("idh", ["flair", "rna"]) is None
    assert found.source == "oracles of mutation"
    assert "idh: 1 mutant, 1 wildtype, 1 unknown" in capsys.readouterr().out


def test_an_oracle_stands_beside_a_label_of_its_name_and_both_are_compared(
    tmp_path: Path, mutations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    TABLE.assign(IDH=["Mutant", "Mutated", "WT"]).to_csv(tmp_path / "own.tsv", sep="\t", index=False)
    columns = {"patient_id": "case", "classes": {"idh": "IDH", "days": "days"}}
    settings = {"source": "table", "table": str(tmp_path / "own.tsv"), "columns": columns, "oracles": ["idh"]}
    assert with_oracles(tmp_path, settings, "--oracles", f"mutation={mutations}") == 0
    found = read_labels(tmp_path / "labels.parquet")
    assert found.known("idh") == {A: "Mutant", B: "Mutated"}
    assert found.known("idh_oracle") == {A: "mutant", B: "wildtype"}
    assert [found.circular(name, ["mutation"]) for name in ("idh", "idh_oracle", "days")] == [
        "idh is read off mutation",
        "idh_oracle is read off mutation",
        None,
    ]
    said = capsys.readouterr().out
    assert f"idh: 1 patients have the class that mutation tells, 1 another ({B})" in said


def test_an_oracle_without_its_shard_or_without_a_patient_of_the_cohort_is_refused(
    tmp_path: Path, mutations: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"source": "oracles", "oracles": ["codel"]}
    assert with_oracles(tmp_path, settings, "--oracles", f"mutation={mutations}") == 2
    assert "--oracles: found nothing of cn, expected cn=PATH" in capsys.readouterr().err
    table = tmp_path / "others.csv"
    table.write_text("gene_id,P1,P2\nIDH1,1,0\n")
    shard_of_table(tmp_path / "others", "mutation", table, {"P1": "P1", "P2": "P2"})
    shard = f"mutation={tmp_path / 'others/shard/dataset.json'}"
    assert with_oracles(tmp_path, {"source": "oracles", "oracles": ["idh"]}, "--oracles", shard) == 5
    assert "labels.oracles: none of 3 patients of the cohort has mutation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"oracles": ["idh"]}, "labels.source: found null, expected oracles, table or gdc"),
        ({"source": "oracles"}, r"labels.oracles: found \[\], expected some"),
        ({"source": "oracles", "oracles": ["mgmt"]}, "labels.oracles"),
        (
            {
                "source": "table",
                "table": "t",
                "oracles": ["idh"],
                "columns": {"classes": {"idh": "a", "idh_oracle": "b"}},
            },
            "labels.columns.classes: .*idh_oracle.*an oracle has this one",
        ),
    ],
)
def test_settings_of_oracles_that_contradict_are_one_line(
    tmp_path: Path, settings: dict[str, Any], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert with_oracles(tmp_path, settings) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert re.search(said, line)


def test_whom_only_the_data_tell_has_no_survival_and_the_reason(tmp_path: Path, mutations: Path) -> None:
    TABLE.assign(case=[f"{A}-01A", C, "TCGA-02-9999"]).to_csv(tmp_path / "own.tsv", sep="\t", index=False)
    settings = {"source": "table", "table": str(tmp_path / "own.tsv"), "columns": COLUMNS, "oracles": ["tp53"]}
    assert with_oracles(tmp_path, settings, "--oracles", f"mutation={mutations}") == 0
    table = read_labels(tmp_path / "labels.parquet").table.set_index("patient_id")
    table = table.astype(object).where(table.notna(), None)
    assert table["tp53"].to_dict() == {A: "wildtype", B: "mutant", C: None}
    assert table["survival_reason"].to_dict() == {A: None, B: "not in own.tsv", C: "time -1 days, not above 0"}
    assert table["reason"].to_dict() == {A: None, B: None, C: None}
