import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.rna.matrix import BLANK, COPY_ON_Y, REPEATED, read_labelled_matrix

SAMPLES = ["TCGA-CS-4941-01A", "TCGA-DU-5849-01A"]
TABLE = pd.DataFrame([[1.5, -2.0, 0.0], [3.0, 4.0, 5.25]], index=SAMPLES, columns=["TP53", "IDH1", "ATRX"])
MISSING = "missing values"


def write(path, table=TABLE, **options):
    separator = "," if ".csv" in path.name else "\t"
    if path.suffix == ".parquet":
        table.to_parquet(path)
    else:
        table.to_csv(path, sep=separator, index_label="id", **options)
    return path


def written(path: Path, *lines: str) -> Path:
    text = "".join(line.replace(" ", "\t") + "\n" for line in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.mark.parametrize("name", ["t.parquet", "t.tsv", "t.csv", "t.txt", "t.tsv.gz", "t.csv.gz"])
@pytest.mark.parametrize("turned", [False, True])
def test_every_format_and_both_ways_round_give_the_same_matrix(tmp_path, name, turned):
    found = read_labelled_matrix(write(tmp_path / name, TABLE.T if turned else TABLE))
    assert found.layout == ("genes x samples" if turned else "samples x genes")
    assert found.samples == SAMPLES
    assert found.genes["gene_id"].tolist() == found.genes["gene_name"].tolist() == ["TP53", "IDH1", "ATRX"]
    assert found.genes["gene_type"].isna().all()
    assert np.array_equal(found.values, TABLE.to_numpy(np.float32))
    assert found.values.dtype == np.float32
    assert (found.gene_labels, found.dropped, found.ignored) == ("other names", {}, ())


OWN = TABLE.set_axis(["P1", "P2"])


@pytest.mark.parametrize(("first", "turned"), [("patient_id", False), ("Sample", False), ("gene_id", True)])
def test_the_first_columns_name_says_which_way_round_a_table_of_own_ids_lies(tmp_path, first, turned):
    (OWN.T if turned else OWN).to_csv(tmp_path / "t.csv", index_label=first)
    found = read_labelled_matrix(tmp_path / "t.csv")
    assert found.samples == ["P1", "P2"]
    assert found.genes["gene_id"].tolist() == list(TABLE.columns)
    assert np.array_equal(found.values, TABLE.to_numpy(np.float32))


def test_names_and_types_beside_own_ids_are_no_samples(tmp_path):
    turned = OWN.T.assign(gene_name=["a", "b", "c"], gene_type="protein_coding")
    turned.to_csv(tmp_path / "t.tsv", sep="\t", index_label="gene_id")
    found = read_labelled_matrix(tmp_path / "t.tsv")
    assert found.samples == ["P1", "P2"]
    assert found.genes["gene_name"].tolist() == ["a", "b", "c"]


def test_an_own_id_that_is_no_safe_text_is_named(tmp_path):
    OWN.set_axis(["P 1", "P2"]).to_csv(tmp_path / "t.csv", index_label="patient_id")
    with pytest.raises(BadInputError, match=r"t\.csv: patient_id 'P 1'"):
        read_labelled_matrix(tmp_path / "t.csv")


def test_the_order_of_samples_in_the_file_does_not_matter(tmp_path):
    first = read_labelled_matrix(write(tmp_path / "a.csv"))
    second = read_labelled_matrix(write(tmp_path / "b.csv", TABLE.iloc[::-1]))
    assert first.samples == second.samples
    assert np.array_equal(first.values, second.values)


def test_labels_in_a_plain_parquet_column_are_found(tmp_path):
    TABLE.reset_index(names="case_id").to_parquet(tmp_path / "t.parquet")
    assert read_labelled_matrix(tmp_path / "t.parquet").samples == SAMPLES


def test_a_header_that_does_not_count_the_labels_is_understood(tmp_path):
    path = written(tmp_path / "r.tsv", "TCGA-CS-4941 TCGA-DU-5849", "TP53 1 2", "IDH1 3 4")
    found = read_labelled_matrix(path)
    assert (found.samples, found.genes["gene_id"].tolist()) == (["TCGA-CS-4941", "TCGA-DU-5849"], ["TP53", "IDH1"])
    assert found.values.tolist() == [[1, 3], [2, 4]]


def test_a_byte_order_mark_and_quotes_are_no_part_of_a_name(tmp_path):
    (tmp_path / "t.csv").write_bytes(b'\xef\xbb\xbf"TCGA-CS-4941","gene"\n1,"TP53"\n2,"IDH1"\n')
    found = read_labelled_matrix(tmp_path / "t.csv")
    assert (found.samples, found.genes["gene_id"].tolist()) == (["TCGA-CS-4941"], ["TP53", "IDH1"])


def test_a_xena_table_of_htseq_fpkm_is_read(tmp_path):
    path = written(
        tmp_path / "TCGA-LGG.htseq_fpkm.tsv.gz",
        "Ensembl_ID TCGA-DU-6404-01A TCGA-DU-6404-02A TCGA-CS-4941-01A",
        "ENSG00000242268.2 0.0 0.1 0.2",
        "ENSG00000167578.15 2.25 3.5 1.0",
        "ENSGR0000167393.15 0.0 0.0 0.0",
    )
    found = read_labelled_matrix(path)
    assert found.layout == "genes x samples"
    assert found.gene_labels == "Ensembl ids with version"
    assert found.samples == ["TCGA-CS-4941-01A", "TCGA-DU-6404-01A", "TCGA-DU-6404-02A"]
    assert found.values[:, 1].tolist() == [1.0, 2.25, 3.5]
    assert found.dropped == {COPY_ON_Y: ["ENSGR0000167393.15"]}


def test_a_xena_table_of_star_tpm_loses_its_constant_copies_and_keeps_one_that_varies(tmp_path):
    path = written(
        tmp_path / "TCGA-LGG.star_tpm.tsv.gz",
        "Ensembl_ID TCGA-DU-6404-01A TCGA-CS-4941-01A",
        "ENSG00000002586.20 5.0 6.0",
        "ENSG00000002586.20_PAR_Y 0.0 0.0",
        "ENSG00000124333.16 1.0 2.0",
        "ENSG00000124333.16_PAR_Y 0.5 0.0",
    )
    found = read_labelled_matrix(path)
    assert found.dropped == {COPY_ON_Y: ["ENSG00000002586.20_PAR_Y"]}
    assert found.genes["gene_id"].tolist() == ["ENSG00000002586.20", "ENSG00000124333.16", "ENSG00000124333.16_PAR_Y"]


def test_a_cbioportal_table_keeps_the_first_of_a_name_and_no_gene_without_name_or_value(tmp_path):
    path = tmp_path / "data_mrna_seq_v2_rsem.txt"
    path.write_text(
        "Hugo_Symbol\tEntrez_Gene_Id\tTCGA-CS-4938-01\tTCGA-CS-4941-01\n"
        "\t100130426\t0\t0.5\n"
        "UBE2Q2P2\t100134869\t2.5\t3.5\n"
        "ELMO2\t63916\t700.25\tNA\n"
        "PALM2AKAP2\t445815\t1\t2\n"
        "PALM2AKAP2\t11217\t30\t40\n"
        "NA\t7\t1\t1\n"
        "TP53\t7157\t1e3\t-0.5\n"
    )
    found = read_labelled_matrix(path)
    assert found.genes["gene_id"].tolist() == ["UBE2Q2P2", "PALM2AKAP2", "TP53"]
    assert found.values.tolist() == [[2.5, 1, 1000], [3.5, 2, -0.5]]
    assert found.dropped == {BLANK: ["", "NA"], MISSING: ["ELMO2"], REPEATED: ["PALM2AKAP2"]}
    assert (found.ignored, found.gene_labels) == (("Entrez_Gene_Id",), "other names")


def test_ids_names_and_types_are_taken_from_their_columns(tmp_path):
    path = written(
        tmp_path / "t.tsv",
        "gene_name gene_id length gene_type TCGA-CS-4938-01",
        "TSPAN6 ENSG00000000003 7 protein_coding 1",
        "Y_RNA ENSG00000000005 8 misc_RNA 2",
        "Y_RNA ENSG00000000006 9 misc_RNA 3",
    )
    found = read_labelled_matrix(path)
    assert found.genes["gene_id"].tolist() == [f"ENSG0000000000{number}" for number in (3, 5, 6)]
    assert found.genes["gene_name"].tolist() == ["TSPAN6", "Y_RNA", "Y_RNA"]
    assert found.genes["gene_type"].tolist() == ["protein_coding", "misc_RNA", "misc_RNA"]
    assert (found.ignored, found.gene_labels) == (("length",), "Ensembl ids")


def test_a_repeated_gene_is_not_renamed_in_either_layout(tmp_path):
    path = written(tmp_path / "t.tsv", "id TP53 TP53 IDH1", "TCGA-CS-4938 1 2 3", "TCGA-CS-4941 4 5 6")
    found = read_labelled_matrix(path)
    assert found.genes["gene_id"].tolist() == ["TP53", "IDH1"]
    assert found.values.tolist() == [[1, 3], [4, 6]]
    assert found.dropped == {REPEATED: ["TP53"]}


def test_ids_that_differ_by_version_only_are_one_gene(tmp_path):
    path = written(tmp_path / "t.tsv", "id TCGA-CS-4938", "ENSG00000000003.1 1", "ENSG00000000003.2 2")
    assert read_labelled_matrix(path).dropped == {REPEATED: ["ENSG00000000003.2"]}


def test_annotation_columns_beside_samples_are_left_out_and_named(tmp_path):
    table = TABLE.T.copy()
    table.insert(0, "Entrez_Gene_Id", [7157, 3417, 546])
    found = read_labelled_matrix(write(tmp_path / "t.tsv", table))
    assert found.ignored == ("Entrez_Gene_Id",)
    assert found.values.shape == (2, 3)


@pytest.mark.parametrize("name", ["t.tsv", "t.parquet"])
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t.rename(index={SAMPLES[0]: "sample-1"}), "1 of 2 .*0 of 3 .*TCGA-XX-XXXX"),
        (lambda t: t.rename(index={SAMPLES[1]: SAMPLES[0]}), "sample 'TCGA-CS-4941-01A' .*twice"),
        (lambda t: t.assign(IDH1=[np.inf, 1.0]), "column IDH1, row TCGA-CS-4941-01A: .* inf,"),
        (lambda t: t.assign(IDH1=[1e300, 1.0]), r"column IDH1, row TCGA-CS-4941-01A: .* 1e\+300,"),
        (lambda t: t.assign(IDH1=["1,5", "2,5"]), "column IDH1"),
        (lambda t: t.assign(site=["CS", "DU"]), r"1 of .*'site'.* modalities\.rna\.ignore"),
        (lambda t: t.assign(REMARK=["CS", "DU"]), "column REMARK"),
        (lambda t: t.iloc[:0], r"t\.\w+: no rows"),
        (lambda t: t * np.nan, "sample TCGA-CS-4941-01A: no value"),
    ],
)
def test_what_is_not_a_matrix_of_numbers_is_named(tmp_path, name, change, said):
    with pytest.raises(BadInputError, match=said):
        read_labelled_matrix(write(tmp_path / name, change(TABLE)))


def test_text_among_numbers_is_quoted_with_its_place(tmp_path):
    path = written(tmp_path / "t.tsv", "id TCGA-CS-4938 TCGA-CS-4941", "TP53 1 2", "IDH1 3 4,5")
    with pytest.raises(BadInputError, match=r"t\.tsv: column TCGA-CS-4941, row IDH1: .*'4,5'"):
        read_labelled_matrix(path)


def test_rows_of_unequal_length_are_refused(tmp_path):
    path = written(tmp_path / "t.tsv", "id TCGA-CS-4938 TCGA-CS-4941", "TP53 1 2", "IDH1 3")
    with pytest.raises(BadInputError, match=r"t\.tsv: .*table .*\b3\b.*\b2\b"):
        read_labelled_matrix(path)


def test_a_table_without_gene_names_or_usable_genes_is_refused(tmp_path):
    path = written(tmp_path / "bare.tsv", "TCGA-CS-4938 TCGA-CS-4941", "1 2")
    with pytest.raises(BadInputError, match=r"bare\.tsv: .*column.*gene"):
        read_labelled_matrix(path)
    path = written(tmp_path / "nameless.tsv", "id TCGA-CS-4938", "NA 1")
    with pytest.raises(BadInputError, match=r"nameless\.tsv: .* 1 .*name"):
        read_labelled_matrix(path)


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
            read_labelled_matrix(tmp_path / name)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["t.tsv", "t.tsv.gz", "t.parquet"])
def test_only_named_errors_leave_the_reader_whatever_byte_is_changed(tmp_path, name):
    whole = write(tmp_path / name, TABLE.T).read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(200):
        data = bytearray(whole)
        data[rng.integers(len(data))] = rng.integers(256)
        (tmp_path / name).write_bytes(bytes(data))
        try:
            read_labelled_matrix(tmp_path / name)
        except BadInputError:
            continue


def test_the_published_z_scores_are_read(real_data):
    found = read_labelled_matrix(real_data / "expression/tcga_lgg_rsem_zscore_1544genes.parquet")
    assert found.values.shape == (457, 1544)
    assert (found.layout, found.dropped) == ("samples x genes", {})
