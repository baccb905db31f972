import gzip
import io
import logging
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.rna.matrix import read_labelled_matrix
from mgi.tables import parquet_table, table_parts, text_table

SAMPLES = ["TCGA-CS-4941-01A", "TCGA-DU-5849-01A"]
TABLE = pd.DataFrame([[1.5, -2.0, 0.0], [3.0, 4.0, 5.25]], index=SAMPLES, columns=["TP53", "IDH1", "ATRX"])
ROWS = ["gene", *SAMPLES], ["TP53", "1.5", "3"], ["IDH1", "-2", "4"], ["ATRX", "0", "5.25"]


def text_of(separator: str, end: str = "\n") -> str:
    return "".join(separator.join(row) + end for row in ROWS)


def named(*cases: tuple) -> list:
    """Cases under the first of their values; gzip has the time in it, which is no name."""
    return [pytest.param(*case, id=case[0]) for case in cases]


def zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("xl/workbook.xml", text)
    return packed.getvalue()


@pytest.mark.parametrize(
    ("name", "content"),
    named(
        ("semicolons.csv", text_of(";").encode()),
        ("commas.tsv", text_of(",").encode()),
        ("tabs.csv", text_of("\t").encode()),
        ("windows.tsv", text_of("\t", "\r\n").encode()),
        ("mark.tsv", text_of("\t").encode("utf-8-sig")),
        ("mark-and-semicolons.csv", text_of(";", "\r\n").encode("utf-8-sig")),
        ("gzip.tsv", gzip.compress(text_of("\t").encode(), mtime=0)),
        ("plain.tsv.gz", text_of("\t").encode()),
        ("commas.tsv.gz", gzip.compress(text_of(",").encode(), mtime=0)),
    ),
)
def test_text_is_read_by_its_content_whatever_its_name_promises(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    found = read_labelled_matrix(tmp_path / name)
    assert np.array_equal(found.values, TABLE.to_numpy(np.float32))
    assert found.genes["gene_id"].tolist() == list(TABLE.columns)


def test_another_separator_than_the_name_promises_is_said(tmp_path, caplog):
    caplog.set_level(logging.WARNING)
    (tmp_path / "t.csv").write_text(text_of(";"))
    read_labelled_matrix(tmp_path / "t.csv")
    assert "t.csv" in caplog.text
    assert "semicolons" in caplog.text


def test_parquet_under_another_name_is_read(tmp_path):
    TABLE.to_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.parquet").rename(tmp_path / "t.tsv")
    assert read_labelled_matrix(tmp_path / "t.tsv").samples == SAMPLES


@pytest.mark.parametrize(
    ("name", "content", "said"),
    named(
        ("empty.tsv", b"", "empty file"),
        ("empty.parquet", b"", "empty file"),
        ("empty.tsv.gz", gzip.compress(b"", mtime=0), "no rows or no columns"),
        ("blank.tsv", b"\n\n", "no rows or no columns"),
        ("spaces.tsv", text_of(" ").encode(), "expected tabs"),
        ("utf-16.tsv", text_of("\t").encode("utf-16"), "UTF-16"),
        ("utf-16-without-mark.tsv", text_of("\t").encode("utf-16-le"), "UTF-16"),
        ("macintosh.tsv", text_of("\t", "\r").encode(), "Macintosh"),
        ("book.csv", zipped("x"), r"Excel workbook \(\.xlsx\)"),
        ("book.tsv.gz", gzip.compress(zipped("x"), mtime=0), "Excel .* inside of the gzip"),
        ("old.csv", b"\xd0\xcf\x11\xe0" + bytes(90), r"\.xls\)"),
        ("page.csv", b"<!DOCTYPE html><html>login</html>", "web page"),
        ("answer.csv", b'{"data": []}', "JSON"),
        ("text.parquet", text_of(",").encode(), "not Parquet .*text"),
        ("gzip.parquet", gzip.compress(text_of(",").encode(), mtime=0), "not Parquet .*gzip"),
        ("decimal.csv", text_of(";").replace("1.5", "1,5").encode(), "column TCGA.*TP53.*'1,5'.*decimal comma"),
        ("decimal.tsv", text_of("\t").replace("5.25", "5,25").encode(), "row ATRX.*'5,25'.*decimal comma"),
        ("one.csv", b"gene,TCGA-CS-4941\nTP53,1,5\nIDH1,2,5\n", "decimal comma"),
        ("excel.csv", b"sep=;\n" + text_of(";").encode(), "line 1 is 'sep=;'"),
        ("blank-first.tsv", ("\n" + text_of("\t")).encode(), "line 1 is blank"),
        ("blank-first.csv.gz", gzip.compress(("\n" + text_of(",")).encode(), mtime=0), "line 1 is blank"),
        ("gct.txt", b"#1.2\n3\t2\n" + text_of("\t").encode(), "line 1 is '#1.2'"),
    ),
)
def test_what_is_no_table_is_said_in_one_line_with_what_it_looks_like(tmp_path, name, content, said):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInputError, match=said) as caught:
        read_labelled_matrix(tmp_path / name)
    assert str(caught.value).startswith(f"{tmp_path / name}: ")
    assert "\n" not in str(caught.value)


def test_a_folder_is_no_table(tmp_path):
    (tmp_path / "t.tsv").mkdir()
    with pytest.raises(BadInputError, match=r"t\.tsv: a folder"):
        read_labelled_matrix(tmp_path / "t.tsv")


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("name", ["t.parquet", "t.csv", "t.tsv"])
def test_a_table_read_in_pieces_is_the_whole_table(tmp_path, monkeypatch, name, turned):
    monkeypatch.setattr(parquet_table, "COLUMNS_AT_ONCE", 3)
    monkeypatch.setattr(text_table, "BLOCK_BYTES", 500)
    labels = [f"TCGA-AA-{number:04d}" for number in range(20)]
    values = np.random.default_rng(0).normal(size=(20, 17)).round(3)
    table = pd.DataFrame(values, index=labels, columns=[f"G{number}.{number % 3}" for number in range(17)])
    table = table.T if turned else table
    if name == "t.parquet":
        table.to_parquet(tmp_path / name, row_group_size=7)
    else:
        table.to_csv(tmp_path / name, sep="," if name == "t.csv" else "\t", index_label="id")
    found = read_labelled_matrix(tmp_path / name)
    assert np.array_equal(found.values, values.astype(np.float32))
    assert found.samples == labels


def test_columns_of_one_name_but_for_what_follows_a_point_are_two(tmp_path):
    columns = pa.table({"patient_id": ["P1", "P2"], "ENSG00000000003": [1.0, 2.0], "ENSG00000000005.2": [3.0, 4.0]})
    pq.write_table(columns, tmp_path / "t.parquet")
    assert read_labelled_matrix(tmp_path / "t.parquet").values.tolist() == [[1, 3], [2, 4]]


def test_integers_labels_as_categories_and_missing_values_are_read_from_parquet(tmp_path):
    frame = TABLE.reset_index(names="patient_id").astype({"patient_id": "category"})
    frame["IDH1"] = pd.array([None, 7], "Int64")
    frame.to_parquet(tmp_path / "t.parquet")
    found = read_labelled_matrix(tmp_path / "t.parquet")
    assert found.dropped == {"missing values": ["IDH1"]}
    assert found.samples == SAMPLES


@pytest.mark.parametrize(
    ("column", "said"),
    [
        (pa.array([[1.0], [2.0]]), "column G: type list"),
        (pa.array([{"a": 1}, {"a": 2}]), "column G: type struct"),
        (pa.array(["a", "b"]), "column G: type string"),
        (pa.array(["a", "b"]).dictionary_encode(), "column G: type (dictionary|string)"),
    ],
)
def test_parquet_of_other_types_is_refused(tmp_path, column, said):
    pq.write_table(pa.table({"patient_id": ["P1", "P2"], "G": column}), tmp_path / "t.parquet")
    with pytest.raises(BadInputError, match=said):
        read_labelled_matrix(tmp_path / "t.parquet")


def test_more_values_than_fit_are_refused_before_they_are_read(tmp_path, monkeypatch):
    TABLE.to_parquet(tmp_path / "t.parquet")
    (tmp_path / "t.tsv").write_text(text_of("\t"))
    monkeypatch.setattr(table_parts, "MAX_VALUES", 5)
    for name in ("t.parquet", "t.tsv"):
        with pytest.raises(BadInputError, match=rf"{name}: [23] rows x [24] columns, expected at most 5 values"):
            read_labelled_matrix(tmp_path / name)


def test_long_labels_of_a_dictionary_are_refused_before_they_are_written_out(tmp_path):
    labels = pa.DictionaryArray.from_arrays(pa.array(np.zeros(1000, np.int8)), pa.array(["x" * 1_000_000]))
    pq.write_table(pa.table({"patient_id": labels, "G": np.zeros(1000)}), tmp_path / "t.parquet")
    assert (tmp_path / "t.parquet").stat().st_size < 200_000
    with pytest.raises(BadInputError, match="column patient_id: a label of more than 10000 characters"):
        read_labelled_matrix(tmp_path / "t.parquet")


def test_a_row_group_that_unpacks_to_far_more_than_its_values_is_refused(tmp_path, monkeypatch):
    TABLE.reset_index(names="patient_id").to_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr(parquet_table, "_BYTES_OF_LABELS", -8_100)
    with pytest.raises(BadInputError, match=r"t\.parquet: row group 0 unpacks to \d+ bytes"):
        read_labelled_matrix(tmp_path / "t.parquet")
