import gzip
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.expression.matrix import read_labelled_matrix, read_matrix

SAMPLES = ["TCGA-CS-4941-01A", "TCGA-DU-5849-01A"]
TABLE = pd.DataFrame([[1.5, -2.0, 0.0], [3.0, 4.0, 5.25]], index=SAMPLES, columns=["TP53", "IDH1", "ATRX"])


def write(path, table=TABLE, **options):
    separator = "," if ".csv" in path.name else "\t"
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep=separator, index_label="id", **options)
    return path


@pytest.mark.parametrize("name", ["t.parquet", "t.tsv", "t.csv", "t.txt", "t.tsv.gz", "t.csv.gz"])
@pytest.mark.parametrize("turned", [False, True])
def test_every_format_and_both_ways_round_give_the_same_matrix(tmp_path, name, turned):
    found = read_labelled_matrix(write(tmp_path / name, TABLE.T if turned else TABLE))
    assert found.layout == ("genes x samples" if turned else "samples x genes")
    assert list(found.values.index) == SAMPLES
    assert list(found.values.columns) == ["TP53", "IDH1", "ATRX"]
    assert np.array_equal(found.values.to_numpy(), TABLE.to_numpy(np.float32))
    assert found.values.to_numpy().dtype == np.float32


def test_the_order_of_samples_in_the_file_does_not_matter(tmp_path):
    first, second = write(tmp_path / "a.csv"), write(tmp_path / "b.csv", TABLE.iloc[::-1])
    pd.testing.assert_frame_equal(read_matrix(first), read_matrix(second))


def test_labels_in_a_plain_parquet_column_are_found(tmp_path):
    TABLE.reset_index(names="case_id").to_parquet(tmp_path / "t.parquet")
    assert list(read_matrix(tmp_path / "t.parquet").index) == SAMPLES


def test_annotation_columns_beside_samples_are_left_out_and_named(tmp_path):
    table = TABLE.T.copy()
    table.insert(0, "Entrez_Gene_Id", [7157, 3417, 546])
    found = read_labelled_matrix(write(tmp_path / "t.tsv", table))
    assert found.ignored == ("Entrez_Gene_Id",)
    assert found.values.shape == (2, 3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.rename(index={SAMPLES[0]: "sample-1"}), "1 of 2 rows and 0 of 3 columns are TCGA barcodes"),
        (lambda t: t.rename(index={SAMPLES[1]: SAMPLES[0]}), "sample 'TCGA-CS-4941-01A' occurs twice"),
        (lambda t: t.T.rename(index={"IDH1": "TP53"}), "gene 'TP53' occurs twice"),
        (lambda t: t.assign(IDH1=[1.0, np.nan]), "gene IDH1, sample TCGA-DU-5849-01A: found 'nan'"),
        (lambda t: t.assign(IDH1=[np.inf, 1.0]), "gene IDH1, sample TCGA-CS-4941-01A: found 'inf'"),
        (lambda t: t.assign(IDH1=[1e300, 1.0]), "found '1e\\+300', expected a finite number"),
        (lambda t: t.assign(IDH1=["1,5", "2,5"]), "gene IDH1, sample TCGA-CS-4941-01A: found '1,5'"),
        (lambda t: t.assign(site=["CS", "DU"]), "gene site, .*found 'CS'"),
        (lambda t: t.iloc[:0], "no rows or no columns"),
    ],
)
def test_what_is_not_a_matrix_of_numbers_is_named(tmp_path, change, said):
    with pytest.raises(BadInputError, match=said):
        read_matrix(write(tmp_path / "t.tsv", change(TABLE)))


def test_cut_and_foreign_files_are_one_line(tmp_path):
    whole = write(tmp_path / "t.parquet").read_bytes()
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    (tmp_path / "empty.tsv").write_text("")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00\x81" * 9)
    (tmp_path / "cut.tsv.gz").write_bytes(gzip.compress(b"a\tb\n" * 5000)[:-30])
    (tmp_path / "no.tsv.gz").write_bytes(b"plain")
    (tmp_path / "t.xlsx").write_bytes(b"x")
    for name in ("cut.parquet", "empty.tsv", "binary.csv", "cut.tsv.gz", "no.tsv.gz", "t.xlsx"):
        with pytest.raises(BadInputError, match=name) as caught:
            read_matrix(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.skipif("MGI_SHARED_DATA" not in os.environ, reason="MGI_SHARED_DATA is not set")
def test_the_published_z_scores_are_read():
    path = Path(os.environ["MGI_SHARED_DATA"]) / "expression" / "tcga_lgg_rsem_zscore_1544genes.parquet"
    assert read_matrix(path).shape == (457, 1544)
