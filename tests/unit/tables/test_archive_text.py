from pathlib import Path

import numpy as np
import pytest

from mgi.core.errors import BadInputError
from mgi.tables.archive_text import COUNT, NUMBER, TEXT, read_archive_text

COLUMNS = {"name": TEXT, "reads": COUNT, "level": NUMBER}


def written(folder: Path, text: str) -> Path:
    path = folder / "a.tsv"
    path.write_text(text)
    return path


def test_text_keeps_its_letters_and_numbers_may_be_missing(tmp_path: Path) -> None:
    read = read_archive_text(written(tmp_path, "name\treads\tlevel\n\"A'#b c\t3\t-1.5e-3\nNA\t0\tNA\n"), COLUMNS)
    assert read.table["name"].to_pylist() == ["\"A'#b c", "NA"]
    assert read.table["reads"].to_pylist() == [3, 0]
    np.testing.assert_array_equal(read.numbers("level"), [-0.0015, np.nan])


def test_the_place_of_a_number_out_of_range_is_named_after_missing_ones(tmp_path: Path) -> None:
    read = read_archive_text(written(tmp_path, "name\treads\tlevel\na\t1\tNA\nb\t1\t2\nc\t1\t3\n"), COLUMNS)
    with pytest.raises(BadInputError, match=r"a\.tsv: line 4: level of c: found 3\.0, expected a number from 0 to 2"):
        read.numbers("level", 0, 2)
    with pytest.raises(BadInputError, match=r"line 3: level of b: found 2\.0, expected a finite number of 2\.5 or"):
        read.numbers("level", 2.5)


@pytest.mark.parametrize("at", range(1, 6))
def test_the_second_of_two_equal_labels_is_named(tmp_path: Path, at: int) -> None:
    names = ["a", "b", "c", "d", "e", "f"]
    names[at] = names[at - 1]
    lines = "".join(f"{name}\t1\t1\n" for name in names)
    read = read_archive_text(written(tmp_path, "name\treads\tlevel\n" + lines), COLUMNS)
    with pytest.raises(BadInputError, match=rf"line {at + 2}: name {names[at]}: found twice, expected once"):
        read.refuse_repeated("name")


def test_a_missing_count_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"a\.tsv: line 3: reads: found NA, expected a count"):
        read_archive_text(written(tmp_path, "name\treads\tlevel\na\t1\t1\nb\tNA\t2\n"), COLUMNS)


def test_what_others_wrote_is_shown_without_control_characters(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match=r"found 'x\\\\x1b\[2J y', expected the columns") as caught:
        read_archive_text(written(tmp_path, "x\x1b[2J\ty\n1\t2\n"), COLUMNS)
    assert str(caught.value).isprintable()
