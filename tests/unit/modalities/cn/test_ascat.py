from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.cn.ascat import COLUMNS, read_copy_numbers, require_same_genes

HEADER = "\t".join(COLUMNS)
ROWS = (
    "ENSG00000000003.15\tTSPAN6\tchrX\t100627108\t100639991\t2\t2\t2",
    "ENSG00000000005.6\tTNMD\tchrX\t100584936\t100599885\t3\t2\t3",
    "ENSG00000182378.15_PAR_Y\tPLCXD1\tchrY\t276322\t303356\t\t\t",
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a.tsv"


def text(*rows: str) -> str:
    return "\n".join([HEADER, *rows]) + "\n"


def test_copies_are_read_and_nothing_is_a_gap(path: Path) -> None:
    path.write_text(text(*ROWS))
    found = read_copy_numbers(path)
    np.testing.assert_array_equal(found.copies, np.array([2, 3, np.nan], np.float32))
    assert found.copies.dtype == np.float32
    assert found.labels["gene_id"].to_pylist() == [row.split("\t")[0] for row in ROWS]
    again = read_copy_numbers(path, like=found)
    assert again.labels is found.labels
    require_same_genes(found, again, path)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("{id}\tA\tchr1\t5\t9\t2.5\t2\t3", r"line 3: copy_number: found 2\.5, expected a whole number"),
        ("{id}\tA\tchr1\t5\t9\t-1\t2\t3", r"line 3: copy_number of {id}: found -1\.0, expected .* 0 or more"),
        ("{id}\tA\tchr1\t5\t9\tNA\t2\t3", r"line 3: copy_number: .*'NA'"),
        ("{id}\tA\tchr1\t5\t9\t2\t3\t3", r"line 3: copy_number: found 2, expected 3 to 3 as its bounds say"),
        ("{id}\tA\tchr1\t5\t9\t2\t\t3", r"line 3: min_copy_number: found nothing, expected a number as in copy_number"),
        ("{id}\tA\tchr1\t5\t9\t\t2\t3", r"line 3: min_copy_number: found 2, expected nothing as in copy_number"),
        ("{id}\tA\tchr1\t9\t5\t2\t2\t2", r"line 3: found start 9 and end 5"),
        ("{id}\tA\t1\t5\t9\t2\t2\t2", r"line 3: chromosome '1', expected a name such as chr1"),
        ("{id}\tA\tchr1\t\t9\t2\t2\t2", r"line 3: start: found nothing"),
        ("{id}\t\tchr1\t5\t9\t2\t2\t2", r"line 3: gene_name ''"),
        ("#x\tA\tchr1\t5\t9\t2\t2\t2", r"line 3: gene_id '#x'"),
        (ROWS[0], r"line 3: gene_id ENSG00000000003\.15: found twice"),
        ("{id}\tA\tchr1\t5\t9\t2\t2", r"line 3"),
        ("{id}\tA\tchr1\t5\t9\tinf\t2\tinf", r"line 3: copy_number of .*finite"),
        ("{id}\tA\tchr1\t5\t9\t2 \t2\t2", r"line 3: found a blank"),
    ],
)
def test_what_the_archive_cannot_write_is_named_by_line(path: Path, row: str, said: str) -> None:
    gene = "ENSG00000000009.1"
    path.write_text(text(ROWS[0], row.format(id=gene)))
    with pytest.raises(BadInputError, match=rf"a\.tsv: {said.format(id=gene.replace('.', chr(92) + '.'))}"):
        read_copy_numbers(path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (text(), "no rows after the header"),
        (text(*ROWS)[:-1], "last line is cut"),
        (text(*ROWS) + text(*ROWS), "glued together"),
        (text(ROWS[2]), "no value in any of 1 genes"),
        (text(*ROWS).replace("copy_number", "copies", 1), "line 1: found"),
        ("", "empty file"),
    ],
)
def test_a_file_that_is_none_is_refused(path: Path, content: str, said: str) -> None:
    path.write_text(content)
    with pytest.raises(BadInputError, match=said):
        read_copy_numbers(path)


@pytest.mark.parametrize("other", [ROWS[:2], (*ROWS[1::-1], ROWS[2]), (*ROWS[:2], ROWS[2].replace("276322", "276321"))])
def test_files_of_other_genes_are_refused(path: Path, tmp_path: Path, other: tuple[str, ...]) -> None:
    path.write_text(text(*ROWS))
    second = tmp_path / "b.tsv"
    second.write_text(text(*other))
    first = read_copy_numbers(path)
    with pytest.raises(BadInputError, match=r"b\.tsv: .*as in the other files"):
        require_same_genes(first, read_copy_numbers(second, like=first), second)
