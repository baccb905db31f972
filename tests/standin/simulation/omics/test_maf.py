import gzip

from mgi_standin.simulation.omics.maf import MAF_COLUMNS, Pair, encode_maf

PAIR = Pair(
    tumour="TCGA-DU-Z001-01A-11D-A001-08",
    normal="TCGA-DU-Z001-10A-01D-A001-08",
    tumour_id="t",
    normal_id="n",
    case_id="c",
)


def lines_of(rows):
    return gzip.decompress(encode_maf(rows, PAIR)).decode().split("\n")


def test_seven_lines_come_before_the_header_of_140_columns():
    lines = lines_of([])
    assert [line.split(" ")[0] for line in lines[:7]] == [
        "#version", "#annotation.spec", "#contigs", "#sort.order", "#filedate", "#normal.aliquot", "#tumor.aliquot",
    ]  # fmt: skip
    assert lines[6] == "#tumor.aliquot t"
    assert lines[7].split("\t") == list(MAF_COLUMNS)
    assert len(set(MAF_COLUMNS)) == 140
    assert lines[8:] == [""]


def test_a_row_has_every_column_and_names_its_pair():
    (row,) = lines_of([{"Hugo_Symbol": "IDH1", "t_depth": "30"}])[8:-1]
    cells = dict(zip(MAF_COLUMNS, row.split("\t"), strict=True))
    assert (cells["Hugo_Symbol"], cells["t_depth"], cells["Gene"]) == ("IDH1", "30", "")
    assert cells["Tumor_Sample_Barcode"] == PAIR.tumour
    assert cells["Matched_Norm_Sample_Barcode"] == PAIR.normal
    assert (cells["Tumor_Sample_UUID"], cells["Matched_Norm_Sample_UUID"], cells["case_id"]) == ("t", "n", "c")
    assert cells["n_ref_count"] == cells["Match_Norm_Seq_Allele1"] == ""  # masked


def test_equal_rows_give_equal_bytes():
    assert encode_maf([{"Gene": "G"}], PAIR) == encode_maf([{"Gene": "G"}], PAIR)
