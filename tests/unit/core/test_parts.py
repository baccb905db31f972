"""Which part holds a patient, and which files are the parts of a shard."""

from collections import Counter

import pytest

from mgi.core.errors import BadInputError, ConfigError
from mgi.core.parts import all_parts, numbers_of, part_files, part_of

PATIENTS = [f"TCGA-CS-{index:04d}" for index in range(400)]


def test_every_patient_has_one_of_the_parts_and_they_are_about_as_large() -> None:
    sizes = Counter(part_of(patient, 4) for patient in PATIENTS)
    assert sorted(sizes) == all_parts(4) == ["1-of-4", "2-of-4", "3-of-4", "4-of-4"]
    assert min(sizes.values()) > 70


def test_the_part_of_a_patient_is_the_same_on_every_machine() -> None:
    """Results that exist would be made again, and a running job would look for others, if it moved."""
    found = [part_of(patient, 4) for patient in ("TCGA-CS-4941", "TCGA-DU-0001", "mine", "ä")]
    assert found == ["2-of-4", "1-of-4", "2-of-4", "1-of-4"]
    assert part_of("TCGA-CS-4941", 1) == "1-of-1"


@pytest.mark.parametrize("text", ["0-of-2", "01-of-2", "3-of-2", "1", "1-of-", "1-of-2-of-3", "-1-of-2", ""])
def test_numbers_that_are_no_part_are_refused(text: str) -> None:
    assert numbers_of("2-of-10", "part") == (2, 10)
    with pytest.raises(ConfigError, match=r"^part: found .*, expected I-of-N"):
        numbers_of(text, "part")


def test_the_files_of_all_parts_stand_in_the_order_of_their_numbers() -> None:
    names = [f"part-{index}-of-11.parquet" for index in range(11, 0, -1)]
    assert part_files(names, "d.json") == names[::-1]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (["part-1-of-2.parquet"], r"part-2-of-2\.parquet is missing, expected all of 2 parts"),
        (
            ["part-1-of-1.parquet", "part-2-of-2.parquet"],
            r"found part-2-of-2\.parquet, expected part-\*-of-1\.parquet alone",
        ),
        (["part-1-of-1.parquet", "slices.parquet"], r"found slices\.parquet, expected part-\*-of-1\.parquet alone"),
        (["part-3-of-2.parquet", "part-1-of-2.parquet"], r"found part-3-of-2\.parquet"),
        ([], "found none, expected files of parts"),
        (["part-1-of-1.json"], r"found part-1-of-1\.json, expected files of parts"),
        (["part-01-of-1.parquet"], r"found part-01-of-1\.parquet"),
    ],
)
def test_a_missing_or_foreign_file_is_named(names: list[str], message: str) -> None:
    with pytest.raises(BadInputError, match=rf"^d\.json: files: {message}"):
        part_files(names, "d.json")
