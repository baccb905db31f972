import gzip
import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from mgi.association.patient_table import About, read_feature_table, read_patient_table, read_patient_tables
from mgi.core.errors import BadInputError, IntegrityError
from mgi.shards.parquet import write_table


def written(folder: Path, text: str, name: str = "table.tsv") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def test_columns_are_texts_until_they_are_asked_for_as_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, "patient_id\tage\tsite\nP1\t40.25\tCS\nP2\t[Not Available]\t 7\nP3\t1e2\tNA\n")
    table = read_patient_table(path, None, "--covariate-columns")
    assert table.patients == ("P1", "P2", "P3")
    assert table.numbers("age") == pytest.approx([40.25, math.nan, 100], nan_ok=True)
    assert table.cells["site"] == ["CS", "7", ""]
    assert (table.is_numeric("age"), table.is_numeric("site")) == (True, False)


def test_the_patients_column_is_found_by_its_name_and_other_ids_are_no_columns(tmp_path: Path) -> None:
    path = written(tmp_path, "SAMPLE_ID,PATIENT_ID,grade\nTCGA-CS-4938-01,TCGA-CS-4938,2\n", "labels.csv")
    assert read_patient_table(path, None, "").cells == {"grade": ["2"]}
    unnamed = written(tmp_path, "who,grade\ntcga-cs-4938-01A,2\n", "unnamed.csv")
    assert read_patient_table(unnamed, None, "").patients == ("TCGA-CS-4938",)


def test_parquet_keeps_all_digits_and_its_index_names_the_patients(tmp_path: Path) -> None:
    frame = pd.DataFrame({"volume": [1 / 3, 2.0], "site": ["CS", None]}, index=pd.Index(["P1", "P2"], name="case_id"))
    frame.to_parquet(tmp_path / "own.parquet")
    table = read_patient_table(tmp_path / "own.parquet", ["volume", "site"], "")
    assert table.patients == ("P1", "P2")
    assert table.numbers("volume").tolist() == [1 / 3, 2.0]
    assert table.cells["site"] == ["CS", ""]


def test_features_are_numbers_with_gaps(tmp_path: Path) -> None:
    with gzip.open(tmp_path / "features.csv.gz", "wt") as text:
        text.write("TP53,patient,IDH1\n1.5,P2,\n2,P1,-3\n")
    table = read_feature_table(tmp_path / "features.csv.gz")
    assert (table.patients, table.names, table.about) == (("P2", "P1"), ("TP53", "IDH1"), (About(), About()))
    np.testing.assert_array_equal(table.values, [[1.5, math.nan], [2, -3]])


def test_a_table_of_the_results_is_compared_with_its_digest_and_its_sources(tmp_path: Path) -> None:
    source, path = written(tmp_path, "x", "source"), tmp_path / "tumours.parquet"
    write_table(path, pa.table({"patient_id": ["P1", "P2"], "volume": [1.5, 2.5]}), [source])
    assert read_patient_table(path, None, "").numbers("volume").tolist() == [1.5, 2.5]
    source.write_text("y")
    with pytest.raises(IntegrityError, match=r"tumours\.parquet: made from source with sha256"):
        read_patient_table(path, None, "")
    source.unlink()  # as in results that were carried elsewhere
    content = path.read_bytes()
    for place in range(8, len(content) - 8):  # but for the letters that say it is Parquet, and the footer's length
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        with pytest.raises((BadInputError, IntegrityError), match=r"tumours\.parquet"):
            read_feature_table(path)


@pytest.mark.parametrize(
    ("text", "columns", "said"),
    [
        ("id,age\nP1,4\nP1,5\n", None, r"patient P1 has two rows \(P1 and P1\)"),
        ("id,age\nTCGA-CS-4938-01A,4\nTCGA-CS-4938-02A,5\n", None, "patient TCGA-CS-4938 has two rows"),
        ("id,age\nP 1,4\n", None, "'P 1': not a patient id"),
        ("id,age,age\nP1,4,5\n", None, "--x: found 'age' 2 times, expected it once"),
        ("id,age\nP1,4\n", ["sex"], "--x: found no 'sex', expected it among 'id', 'age'"),
        ("age,case,CASE\n4,P1,P2\n", None, "columns: found 'case' 2 times, expected it once"),
        ("patient,case\nP1,4\n", None, "--x: no column but that of the patients"),
    ],
)
def test_what_is_no_table_of_patients_is_refused(
    text: str, columns: list[str] | None, said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadInputError, match=f"table.csv: {said}"):
        read_patient_table(written(tmp_path, text, "table.csv"), columns, "--x")


@pytest.mark.parametrize("cell", ["G2", "4,5", "inf", "nan."])
def test_a_cell_that_is_no_number_is_named(cell: str, tmp_path: Path) -> None:
    table = read_patient_table(written(tmp_path, f"id\tgrade\nP1\t2\nP2\t{cell}\n"), None, "")
    with pytest.raises(BadInputError, match=rf"table.tsv: column grade, patient P2: found '{cell}', expected a number"):
        table.numbers("grade")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("id\tTP53\tTP53\nP1\t2\t3\n", "features: column 'TP53' occurs 2 times"),
        ("id\tTP53\nP1\t2\nP2\tlow\n", "column TP53, row P2: found 'low'"),
        ("id\tTP53\nP1\t2\nP2\t1e60\n", "column TP53, patient P2: found 1e"),
    ],
)
def test_features_that_are_no_numbers_are_refused(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=said):
        read_feature_table(written(tmp_path, text))


def test_a_table_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"no file at .*absent.csv"):
        read_feature_table(tmp_path / "absent.csv")


def test_several_tables_are_one_with_empty_cells_where_one_lacks_the_patient(tmp_path: Path) -> None:
    first = written(tmp_path, "patient_id\tage\tsex\nP2\t40\tmale\nP1\t50\tfemale\n", "first.tsv")
    second = written(tmp_path, "site\tpatient_id\tsex\nCS\tP3\tx\nDU\tP1\ty\n", "second.tsv")
    table = read_patient_tables([first, second], ["site", "age"], "--covariate-columns")
    assert table.patients == ("P1", "P2", "P3")
    assert table.cells == {"site": ["DU", "", "CS"], "age": ["50", "40", ""]}
    assert table.paths == {"site": second, "age": first}
    with pytest.raises(BadInputError, match=r"found column 'sex' in .*first.tsv and .*second.tsv"):
        read_patient_tables([first, second], ["sex"], "--covariate-columns")
    with pytest.raises(BadInputError, match="found no column 'grade', expected it in one of"):
        read_patient_tables([first, second], ["grade"], "--covariate-columns")
    with pytest.raises(BadInputError, match=r"second.tsv: column site, patient P1: found 'DU'"):
        table.numbers("site")
