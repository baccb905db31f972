import gzip
from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.rna.gtf import MAX_LINE, GtfGene, read_gtf_genes

GENE = (
    "chr1\tHAVANA\tgene\t11869\t14409\t.\t+\t.\t"
    'gene_id "ENSG00000223972.5"; gene_type "x"; gene_name "DDX11L1"; level 2;\n'
)
COPY = 'chrY\tENSEMBL\tgene\t7\t9\t.\t-\t.\tgene_id "ENSG00000002586.20_PAR_Y"; gene_name "CD99"; tag "PAR";\n'
OTHER = GENE.replace("\tgene\t", "\ttranscript\t").replace("gene_type", 'transcript_id "T"; gene_type')
TEXT = "##description: evidence-based annotation\n" + GENE + OTHER + COPY


def written(folder: Path, text: str | bytes, name: str = "a.gtf") -> Path:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


@pytest.mark.parametrize("name", ["a.gtf", "a.gtf.gz"])
def test_gene_rows_alone_are_read_in_order(tmp_path: Path, name: str) -> None:
    data = gzip.compress(TEXT.encode()) if name.endswith("gz") else TEXT.encode()
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
    broken = TEXT.replace(old, new, 1)
    assert broken != TEXT
    with pytest.raises(BadInputError, match=said) as caught:
        list(read_gtf_genes(written(tmp_path, broken)))
    assert "a.gtf" in str(caught.value)


def test_a_file_without_genes_and_a_damaged_one_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"a\.gtf: .*'gene'"):
        list(read_gtf_genes(written(tmp_path, OTHER)))
    whole = gzip.compress(TEXT.encode() * 1)
    for data in (whole[:-9], b"<html>", whole[:20] + b"\0" + whole[21:]):
        with pytest.raises(BadInputError, match=r"a\.gtf\.gz: .*gzip"):
            list(read_gtf_genes(written(tmp_path, data, "a.gtf.gz")))


def test_only_named_errors_leave_the_parser_whatever_byte_is_changed(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    refused = 0
    for _ in range(500):
        data = bytearray(TEXT.encode())
        data[rng.integers(len(data))] = rng.integers(256)
        try:
            list(read_gtf_genes(written(tmp_path, bytes(data))))
        except BadInputError:
            refused += 1
    assert refused > 50
