"""A split with something in common between its roles stops here, whatever it is that leaks."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mgi.cli import main
from mgi.cohort.split import SplitRow
from mgi.cohort.tables import write_split
from mgi.core.errors import BadInputError
from mgi.core.files import read_json

Change = Callable[[str, dict[str, np.ndarray]], None]


def check(study: Any, *options: str) -> int:
    shards = [str(study.folder / f"{name}/dataset.json") for name in ("images", "expression")]
    given = [f"--split={study.folder / 'split.parquet'}", f"--output={study.folder / 'leaks.json'}"]
    return main(["check-leaks", *given, "--dataset", *shards, *options])


def same_genes(first: str, second: str) -> Change:
    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        if patient[-1] in (first, second):
            arrays["values"][:] = 0.25

    return change


def same_slice(first: str, second: str) -> Change:
    """One slice of the second patient is another slice of the first."""

    def change(patient: str, arrays: dict[str, np.ndarray]) -> None:
        shown = np.arange(20 * 24, dtype=np.int16).reshape(20, 24)
        if patient[-1] == first:
            arrays["volume"][0] = shown
        if patient[-1] == second:
            arrays["volume"][2] = shown

    return change


def same_slice_in_another_type(patient: str, arrays: dict[str, np.ndarray]) -> None:
    """One archive stores it as int16, the other as uint8."""
    if patient[-1] in "16":
        arrays["volume"][0] = np.arange(20 * 24).reshape(20, 24) % 256
    if patient[-1] == "6":
        arrays["volume"] = arrays["volume"].astype(np.uint8)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (same_genes("0", "6"), r"TCGA-AA-0000 \(train\) .*TCGA-AA-0006 \(test\) .*expression vector"),
        (same_genes("4", "7"), r"TCGA-AA-0004 \(validation\) .*TCGA-AA-0007 \(test\) .*expression vector"),
        (
            same_genes("7", "9"),
            r"TCGA-AA-0007 \(test\) .*TCGA-AA-0009 \(unpaired_expression\) .*expression vector",
        ),
        (same_slice("1", "6"), r"TCGA-AA-0001 \(train\) .*TCGA-AA-0006 \(test\) .*images slice"),
        (same_slice_in_another_type, r"TCGA-AA-0001 \(train\) .*TCGA-AA-0006 \(test\) .*images slice"),
        (same_slice("5", "2"), r"TCGA-AA-0002 \(train\) .*TCGA-AA-0005 \(validation\) .*images slice"),
    ],
)
@pytest.mark.parametrize("split_unit", ["patient", "slice"])
def test_what_two_roles_share_is_refused_in_one_line(
    write_study, tmp_path: Path, change: Change, said: str, split_unit: str, capsys
) -> None:
    study = write_study(tmp_path, change)
    assert check(study, f"--split-unit={split_unit}") == 5
    error = capsys.readouterr().err
    assert re.search(f"fold 0: {said};", error)
    assert error.count("\n") == 1
    assert not (study.folder / "leaks.json").exists()


def test_a_patient_in_two_roles_is_refused_by_name(write_study, tmp_path: Path, capsys) -> None:
    study = write_study(tmp_path)
    rows = [SplitRow(0, patient, "AA", role) for role in study.ROLES for patient in study.role(role)]
    write_split(
        [*rows, SplitRow(0, study.patients[0], "AA", "test")], study.folder / "split.parquet", tmp_path / "s.tsv"
    )
    assert check(study) == 5
    said = r"fold 0: TCGA-AA-0000 \(test\) .*TCGA-AA-0000 \(train\) .*patient id;"
    assert re.search(said, capsys.readouterr().err)


@pytest.mark.parametrize("change", [same_genes("0", "1"), same_slice("6", "7"), same_genes("2", "8")])
def test_two_patients_of_one_role_may_share_what_they_like(write_study, tmp_path: Path, change: Change) -> None:
    assert check(write_study(tmp_path, change)) == 0


def flipped_copy(patient: str, arrays: dict[str, np.ndarray]) -> None:
    """Patient 6 has the image of patient 1 from left to right, twice as bright."""
    if patient[-1] in "16":
        volume = np.random.default_rng(5).integers(0, 900, arrays["volume"].shape).astype(np.int16)
        arrays["volume"][:] = volume if patient[-1] == "1" else 2 * volume[:, :, ::-1]


def test_a_changed_copy_of_an_image_is_refused_or_listed(
    write_study: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    study = write_study(tmp_path, flipped_copy)
    assert check(study) == BadInputError.exit_code
    said = capsys.readouterr().err
    assert re.search(r"TCGA-AA-0001 and TCGA-AA-0006 have nearly the same images slice \(3 of 3 slices\); .*warn", said)
    assert check(study, "--near-duplicates=warn") == 0
    pair = "TCGA-AA-0001 and TCGA-AA-0006 have nearly the same images slice (3 of 3 slices)"
    assert read_json(tmp_path / "leaks.json")["near_duplicates"] == [pair]
    assert pair in capsys.readouterr().out


def test_slices_of_one_value_throughout_name_nobody(write_study, tmp_path: Path) -> None:
    def blank(_: str, arrays: dict[str, np.ndarray]) -> None:
        arrays["volume"][0] = 0

    study = write_study(tmp_path, blank)
    assert check(study) == 0
    report = read_json(tmp_path / "leaks.json")
    assert report.pop("checked").keys() == {"split", "shards/expression", "shards/images"}
    assert report == {
        "split_unit": "patient",
        "leaks": [],
        "near_duplicates": [],
        "compared": {"patients": 11, "images_slices": 18, "expression_vectors": 10},
        "folds": {"0": {"unpaired_image": 1, "unpaired_expression": 2, "test": 2, "train": 4, "validation": 2}},
    }


def test_the_protocol_that_leaks_on_purpose_says_so(write_study, tmp_path: Path) -> None:
    assert check(write_study(tmp_path), "--split-unit=slice") == 0
    report = json.loads((tmp_path / "leaks.json").read_text())
    assert report["split_unit"] == "slice"
    assert report["leaks"] == [{"fold": 0, "shared": "patient id", "patients": 8}]
    assert report["watermark"] == "NOT comparable: leaks patients across the split"
