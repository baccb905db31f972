from pathlib import Path

import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.rna.gene_sets import read_gene_list


def test_blank_lines_and_comments_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "g.txt").write_text("\ufeff# glioma\nTP53\n\n  ENSG00000138413.13 \r\nATRX")
    assert read_gene_list(tmp_path / "g.txt") == ["TP53", "ENSG00000138413.13", "ATRX"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("TP53\nIDH1\nTP53\n", "line 3: TP53 .*line 1"),
        ("TP53 IDH1\n", "line 1: .*'TP53 IDH1'"),
        ("# nothing\n", ".*no gene"),
    ],
)
def test_what_is_no_list_is_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "g.txt").write_text(text)
    with pytest.raises(BadInputError, match=rf"g\.txt: {said}"):
        read_gene_list(tmp_path / "g.txt")


def test_a_file_that_is_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "g.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInputError, match=r"g\.txt: .*UTF-8"):
        read_gene_list(tmp_path / "g.txt")
