import gzip
from pathlib import Path

import pandas as pd
import pytest

from mgi.core.errors import BadInputError
from mgi.expression.positions import read_positions, with_positions

GENES = pd.DataFrame({"gene_id": ["G2", "G1", "G3"], "gene_name": ["b", "a", "c"], "gene_type": None})
TEXT = "seqnames\tstart\tgene_id\nchr2\t5\tG1\nchrX\t7\tG2\n"


def test_positions_join_by_gene_id_and_leave_the_order(tmp_path: Path) -> None:
    path = tmp_path / "positions.tsv.gz"
    path.write_bytes(gzip.compress(TEXT.encode()))
    placed = with_positions(GENES, read_positions(path))
    assert placed["gene_id"].tolist() == ["G2", "G1", "G3"]
    assert placed["gene_index"].tolist() == [0, 1, 2]
    assert placed["chromosome"].tolist()[:2] == ["chrX", "chr2"]
    assert placed["start"].tolist()[:2] == [7, 5]
    assert placed["start"].isna().tolist() == [False, False, True]


def test_without_a_table_every_position_is_unknown() -> None:
    assert with_positions(GENES, None)[["chromosome", "start"]].isna().all(axis=None)


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
    with pytest.raises(BadInputError, match=r"positions\.tsv\.gz"):
        read_positions(path)


def test_positions_of_another_annotation_are_refused() -> None:
    other = pd.DataFrame({"gene_id": ["Z"], "chromosome": ["chr1"], "start": [1]})
    with pytest.raises(BadInputError, match="none of the expression's"):
        with_positions(GENES, other)
