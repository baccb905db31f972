"""The user's list of slides, line by line."""

from pathlib import Path

import pytest

from mgi.core.errors import BadInputError
from mgi.modalities.slides.slide_list import Listed, read_slide_list


def written(folder: Path, text: str) -> Path:
    (folder / "list.tsv").write_text(text)
    return folder / "list.tsv"


def test_rows_say_whose_a_file_is_and_how_fine(tmp_path: Path) -> None:
    text = "file\tpatient_id\tmpp\na.svs\tTCGA-CS-4942-01Z\t0.25\nb/c.svs\tP1\t\nd.svs\t\t0.5\n"
    assert read_slide_list(written(tmp_path, text)) == {
        "a.svs": Listed(patient_id="TCGA-CS-4942", mpp=0.25),
        "b/c.svs": Listed(patient_id="P1", mpp=None),
        "d.svs": Listed(patient_id=None, mpp=0.5),
    }
    assert read_slide_list(written(tmp_path, "file\tmpp\na.svs\t1\n"))["a.svs"].mpp == 1.0


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "columns ; expected file"),
        ("file\tother\na\tb\n", "columns file, other"),
        ("patient_id\tmpp\nP1\t1\n", "columns patient_id, mpp"),
        ("file\tmpp\na.svs\t1\na.svs\t1\n", "line 3: file: found 'a.svs', expected each file once"),
        ("file\tmpp\n\t1\n", "line 2: file: found ''"),
        ("file\tmpp\na.svs\thalf\n", "line 2: mpp: found 'half'"),
        ("file\tmpp\na.svs\t500\n", "line 2: mpp: found '500', expected 0.05 to 8"),
        ("file\tmpp\na.svs\tnan\n", "line 2: mpp: found 'nan'"),
        ("file\tpatient_id\na.svs\tTCGA-1\n", "line 2: patient_id: 'TCGA-1': not a TCGA barcode"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(text: str, said: str, tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=rf"list\.tsv: {said}"):
        read_slide_list(written(tmp_path, text))


@pytest.mark.parametrize(
    "data", [b"file\tmpp\na\xff.svs\t1\n", b"\xd9file\tmpp\n", b"file\tmpp\na\0.svs\t1\n" + b"x" * 200_000]
)
def test_bytes_that_are_no_text_are_refused(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "list.tsv").write_bytes(data)
    with pytest.raises(BadInputError, match=r"list\.tsv: "):
        read_slide_list(tmp_path / "list.tsv")


def test_a_list_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"none\.tsv: missing"):
        read_slide_list(tmp_path / "none.tsv")
