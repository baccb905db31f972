from pathlib import Path

import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.rna.gene_sets import match_sets, read_gmt

IDS = ["ENSG00000000001.5", "ENSG00000000002.1", "ENSG00000000003.2_PAR_Y", "ENSG00000000004.9", "ENSG00000000005.1"]
NAMES = ["TP53", "IDH1", "DUP", "DUP", None]


def gmt(folder: Path, text: str | bytes) -> Path:
    path = folder / "sets.gmt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_a_line_is_a_name_a_description_and_genes(tmp_path: Path) -> None:
    text = "\ufeffB\thttp://x\tTP53\tIDH1\tTP53\r\n\nA\t\tATRX\t\t \n"
    sets = read_gmt(gmt(tmp_path, text))
    assert list(sets.items()) == [("B", ["TP53", "IDH1"]), ("A", ["ATRX"])]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"A\tx\tTP53\nB\tx\n", r"line 2: .*'B\\tx', .*description"),
        (b"A\tx\t\t\n", "line 1: .*'A.*description"),
        (b"\tx\tTP53\n", r"line 1: .*'\\tx\\tTP53', .*description"),
        (b"A x TP53\n", "line 1: .*'A x TP53', .*description"),
        (b"A\tx\tTP53 IDH1\n", "line 1: .*'TP53 IDH1', .*one gene "),
        (b"A\tx\tTP53\nB\tx\tTP53\nA\tx\tIDH1\n", "line 3: .*'A' .*line 1$"),
        (b"A\x1b[2J\tx\tTP53\n", r"line 1: .*control .*'A\\x1b"),
        (b"A\tx\tTP53\x0bB\n", r"line 1: .*control .*'A\\tx\\tTP53\\x0bB'"),
        (b"", ".*no gene set"),
        (b"\n \n", ".*no gene set"),
        (b"\x1f\x8b\x08\x00", ".*UTF-8"),
        (b"A\x00\tx\tTP53", r"line 1: .*control .*'A\\x00"),
    ],
)
def test_what_is_no_gmt_is_one_line_with_the_file_and_the_line(tmp_path: Path, text: bytes, said: str) -> None:
    with pytest.raises(BadInputError, match=rf"sets\.gmt: {said}") as caught:
        read_gmt(gmt(tmp_path, text))
    message = str(caught.value)
    assert message.isprintable()
    assert len(message) < len(str(tmp_path)) + 250


def test_a_long_line_is_cut_in_the_message(tmp_path: Path) -> None:
    with pytest.raises(BadInputError) as caught:
        read_gmt(gmt(tmp_path, "x" * 1_000_000))
    assert len(str(caught.value)) < len(str(tmp_path)) + 250


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    for path in (tmp_path / "none.gmt", tmp_path):
        with pytest.raises(BadInputError, match=r"(/none\.gmt: |: Is a directory).*\.gmt"):
            read_gmt(path)


def test_genes_are_matched_by_symbol_and_by_id_with_or_without_version() -> None:
    sets = {
        "symbol": ["IDH1", "TP53"],
        "bare": ["ENSG00000000001"],
        "exact": ["ENSG00000000004.9"],
        "older": ["ENSG00000000004.2"],
        "par": ["ENSG00000000003_PAR_Y"],
        "shared name": ["DUP", "nobody"],
    }
    found = match_sets(sets, IDS, NAMES, where="f")
    assert found.members == {
        "symbol": [0, 1], "bare": [0], "exact": [3], "older": [3], "par": [2], "shared name": [3],
    }  # fmt: skip
    assert list(found.members) == list(sets)
    assert (found.n_outside, found.dropped) == (1, [])


def test_a_symbol_with_a_point_is_no_id_with_a_version() -> None:
    found = match_sets({"A": ["AC1.7"]}, ["ENSG00000000001.1", "ENSG00000000002.1"], ["AC1.7", "AC1"], where="f")
    assert found.members == {"A": [0]}


def test_a_set_without_a_gene_of_the_list_is_dropped_and_said() -> None:
    found = match_sets({"gone": ["ABC"], "kept": ["IDH1"]}, IDS, NAMES, where="f")
    assert (list(found.members), found.dropped, found.n_outside) == (["kept"], ["gone"], 4)
    assert found.summary() == (
        "1 gene sets; 4 genes are in none; 1 dropped without a gene of the list: 'gone'; "
        "1 of 2 genes of the sets are not found: 'ABC'"
    )


def test_genes_that_are_not_found_or_were_renamed_are_counted_and_the_first_named() -> None:
    sets = {"S1": ["MARCH1", "SEPT2", "TP53", "1-Mar"], "S2": ["PTEN", *(f"X{number}" for number in range(9))]}
    found = match_sets(sets, IDS, ["TP53", "SEPTIN2", "DUP", "DUP", "PTEN"], where="f")
    assert found.members == {"S1": [0, 1], "S2": [4]}
    assert (found.renamed, len(found.unknown), found.n_named) == (["SEPT2"], 11, 14)
    said = found.summary()
    assert "11 of 14 genes of the sets are not found: 'MARCH1', '1-Mar', 'X0', 'X1', 'X2', …" in said
    assert "1 of these look like dates" in said
    assert "1 found under their former or newer name: 'SEPT2'" in said


def test_a_gene_in_place_of_the_description_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_gmt(gmt(tmp_path, "A\tTP53\tIDH1\nB\tATRX\tTP53\n")) == {"A": ["IDH1"], "B": ["TP53"]}
    assert "1 of 2 descriptions are genes of the sets, such as 'TP53'" in caplog.text
    caplog.clear()
    read_gmt(gmt(tmp_path, "A\tna\tIDH1\nB\thttp://x\tTP53\nC\t\tTP53\n"))
    assert caplog.text == ""


def test_no_set_with_any_gene_is_an_error_with_an_example_of_both_sides() -> None:
    with pytest.raises(BadInputError, match=r"f: .* 1 .*'ENSG00000000001\.5'.*'7157'"):
        match_sets({"entrez": ["7157", "3417"]}, IDS, NAMES, where="f")
