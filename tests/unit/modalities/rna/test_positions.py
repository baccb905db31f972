import gzip
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.rna.positions import (
    MAX_LINE,
    GtfGene,
    read_gtf_genes,
    read_positions,
    with_positions,
    write_positions,
)

GENES = pd.DataFrame({"gene_id": ["G2", "G1", "G3"], "gene_name": ["b", "a", "c"], "gene_type": None})
TEXT = "seqnames\tstart\tgene_id\nchr2\t5\tG1\nchrX\t7\tG2\n"
ANNOTATION = [
    GtfGene("ENSG00000000003.15", "TSPAN6", "chrX", 100, 200, "-"),
    GtfGene("ENSG00000002586.20", "CD99", "chrX", 300, 400, "+"),
    GtfGene("ENSG00000002586.20_PAR_Y", "CD99", "chrY", 500, 600, "+"),
    GtfGene("ENSG00000000005.6", "Y_RNA", "chr1", 700, 800, "+"),
    GtfGene("ENSG00000000006.1", "Y_RNA", "chr2", 900, 950, "+"),
]


@pytest.fixture
def annotation(tmp_path: Path) -> pd.DataFrame:
    assert write_positions(tmp_path / "p.tsv", ANNOTATION) == 5
    return read_positions(tmp_path / "p.tsv")


def test_the_written_table_has_end_and_strand(tmp_path: Path, annotation: pd.DataFrame) -> None:
    lines = (tmp_path / "p.tsv").read_text().splitlines()
    assert lines[0].split("\t") == ["gene_id", "gene_name", "chromosome", "start", "end", "strand"]
    assert lines[1].split("\t") == ["ENSG00000000003.15", "TSPAN6", "chrX", "100", "200", "-"]
    assert annotation["start"].tolist() == [100, 300, 500, 700, 900]


def test_a_table_of_a_broken_annotation_is_not_left_behind(tmp_path: Path) -> None:
    def broken():
        yield ANNOTATION[0]
        raise BadInputError("line 9")

    with pytest.raises(BadInputError):
        write_positions(tmp_path / "p.tsv", broken())
    assert list(tmp_path.iterdir()) == []


def test_positions_join_by_gene_id_and_leave_the_order(tmp_path: Path) -> None:
    path = tmp_path / "positions.tsv.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    placed, found = with_positions(GENES, read_positions(path))
    assert placed["gene_id"].tolist() == ["G2", "G1", "G3"]
    assert placed["chromosome"].tolist()[:2] == ["chrX", "chr2"]
    assert placed["start"].tolist()[:2] == [7, 5]
    assert placed["start"].isna().tolist() == [False, False, True]
    assert found == {"by id": 2, "by id without version": 0, "by name": 0, "name of several genes": 0, "unknown": 1}


def test_another_version_or_a_name_that_is_unique_finds_the_place(annotation: pd.DataFrame) -> None:
    ids = ["ENSG00000000003.10", "ENSG00000002586", "CD99", "TSPAN6", "Y_RNA"]
    placed, found = with_positions(pd.DataFrame({"gene_id": ids, "gene_name": ids, "gene_type": None}), annotation)
    assert placed["start"].tolist()[:4] == [100, 300, 300, 100]  # never the copy on Y
    assert placed["start"].isna().tolist() == [False] * 4 + [True]  # two genes bear the name Y_RNA
    assert found == {"by id": 0, "by id without version": 2, "by name": 2, "name of several genes": 1, "unknown": 0}


def test_a_copy_on_y_has_its_own_place(annotation: pd.DataFrame) -> None:
    genes = pd.DataFrame({"gene_id": ["ENSG00000002586.20_PAR_Y"], "gene_name": ["CD99"], "gene_type": None})
    assert with_positions(genes, annotation)[0]["start"].tolist() == [500]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (TEXT.replace("start", "begin"), "column start"),
        (TEXT.replace("G2", "G1"), "gene_id G1"),
        (TEXT.replace("\t5\t", "\t0\t"), "start '0'"),
        (TEXT.replace("\t5\t", "\t5.5\t"), "start '5.5'"),
    ],
)
def test_a_table_that_cannot_be_positions_is_refused(tmp_path: Path, text: str, expected: str) -> None:
    path = tmp_path / "positions.tsv"
    path.write_text(text)
    with pytest.raises(BadInputError, match=expected):
        read_positions(path)


def test_a_file_that_is_not_gzip_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "positions.tsv.gz"
    path.write_bytes(b"<html>")
    with pytest.raises(BadInputError, match=r"positions\.tsv\.gz: "):
        read_positions(path)


def test_positions_of_another_annotation_are_refused() -> None:
    other = pd.DataFrame({"gene_id": ["Z"], "chromosome": ["chr1"], "start": [1]})
    with pytest.raises(BadInputError, match=r"positions: .*genes"):
        with_positions(GENES, other)


def test_the_real_positions_place_the_real_gene_order(real_data: Path) -> None:
    genes = pd.read_csv(real_data / "expression/gencode_v36_gdc_gene_order.tsv.gz", sep="\t")
    placed, found = with_positions(
        genes, read_positions(real_data / "expression/gencode_v36_genes_with_positions.tsv.gz")
    )
    assert found["by id"] == sum(found.values()) == 60_660
    assert placed.loc[placed["gene_name"] == "TP53", ["chromosome", "start"]].values.tolist() == [["chr17", 7661779]]


GENE = (
    "chr1\tHAVANA\tgene\t11869\t14409\t.\t+\t.\t"
    'gene_id "ENSG00000223972.5"; gene_type "x"; gene_name "DDX11L1"; level 2;\n'
)
COPY = 'chrY\tENSEMBL\tgene\t7\t9\t.\t-\t.\tgene_id "ENSG00000002586.20_PAR_Y"; gene_name "CD99"; tag "PAR";\n'
OTHER = GENE.replace("\tgene\t", "\ttranscript\t").replace("gene_type", 'transcript_id "T"; gene_type')
GTF = "##description: evidence-based annotation\n" + GENE + OTHER + COPY


def written(folder: Path, text: str | bytes, name: str = "a.gtf") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("name", ["a.gtf", "a.gtf.gz"])
def test_gene_rows_alone_are_read_in_order(tmp_path: Path, name: str) -> None:
    data = gzip.compress(GTF.encode()) if name.endswith("gz") else GTF.encode()
    assert list(read_gtf_genes(written(tmp_path, data, name))) == [
        GtfGene("ENSG00000223972.5", "DDX11L1", "chr1", 11869, 14409, "+"),
        GtfGene("ENSG00000002586.20_PAR_Y", "CD99", "chrY", 7, 9, "-"),
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (GENE, GENE + GENE, r"line 3: gene_id ENSG00000223972\.5: .*twice"),
        ("\t11869\t", "\t0\t", "line 2: from"),
        ("\t11869\t", "\t14410\t", "line 2: from"),
        ("\t11869\t", "\t1e4\t", "line 2: from"),
        ("\t.\t+\t", "\t.\t.\t", "line 2: strand"),
        ("chr1\tHAVANA\tgene", "chr 1\tHAVANA\tgene", "line 2: chromosome"),
        ('gene_id "ENSG00000223972.5"; gene_type', "gene_type", "line 2: attributes"),
        ('"DDX11L1";', "DDX11L1;", "line 2: attributes"),
        ("\ttranscript\t", " transcript ", "line 3: 7 .*9$"),
        ("level 2;\n", "level 2;\n\n", "line 3: 1 .*9$"),
        ('tag "PAR";\n', 'tag "PAR', "line 4: cut"),
        ('tag "PAR";\n', "x" * MAX_LINE + "\n", "line 4: cut.*65536"),
        ("DDX11L1", "DDX\u00e9", "line 2: gene_id or gene_name .*ASCII"),
    ],
)
def test_what_is_no_annotation_is_refused_by_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    broken = GTF.replace(old, new, 1)
    assert broken != GTF
    with pytest.raises(BadInputError, match=said) as caught:
        list(read_gtf_genes(written(tmp_path, broken)))
    assert "a.gtf" in str(caught.value)


def test_a_file_without_genes_and_a_damaged_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"a\.gtf: .*'gene'"):
        list(read_gtf_genes(written(tmp_path, OTHER)))
    whole = gzip.compress(GTF.encode() * 1)
    for data in (whole[:-9], b"<html>", whole[:20] + b"\0" + whole[21:]):
        with pytest.raises(BadInputError, match=r"a\.gtf\.gz: .*gzip"):
            list(read_gtf_genes(written(tmp_path, data, "a.gtf.gz")))


def test_only_named_errors_leave_the_parser_whatever_byte_is_changed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        data = bytearray(GTF.encode())
        data[rng.integers(len(data))] = rng.integers(256)
        try:
            list(read_gtf_genes(written(tmp_path, bytes(data))))
        except BadInputError:
            refused += 1
    assert refused > 50
