from pathlib import Path

import pandas as pd
import pytest

from mgi.cli import main
from mgi.core.files import read_json, sha256_of
from mgi.core.sidecar import verified
from nnunet_study import DTYPES, FLAT, write_results


@pytest.fixture
def results(tmp_path: Path) -> Path:
    return write_results(tmp_path / "results")


def export(results: Path, output: Path, *more: str) -> int:
    return main(["export-nnunet", f"--results={results}", f"--output={output}", *more])


def test_the_export_says_what_it_was_made_from_and_which_case_is_whom(results: Path, tmp_path: Path, capsys) -> None:
    output = tmp_path / "nnunet"
    assert export(results, output, "--dataset-id=12", "--spacing-mm", "6", "1", "1") == 0
    assert read_json(output / "export.json") == {
        "dataset": 12,
        "spacing_mm": [6.0, 1.0, 1.0],
        "without_geometry": [FLAT],
        "shard_sha256": sha256_of(results / "shards/flair/dataset.json"),
    }
    cases = pd.read_csv(verified(output / "cases.tsv"), sep="\t")
    assert set(cases["patient_id"]) == set(DTYPES)
    assert dict(cases.itertuples(index=False))["P1_5fseg"] == "P1_seg"
    said = capsys.readouterr().out
    assert (
        said
        == f"{output}/nnUNet_raw/Dataset012_MGI: 2 folds, 1 patients without geometry, taken as (6.0, 1.0, 1.0) mm\n"
    )


def test_two_exports_are_equal_byte_for_byte(results: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert export(results, tmp_path / name) == 0
    files = [path.relative_to(tmp_path / "a") for path in (tmp_path / "a").rglob("*") if path.is_file()]
    assert len(files) > 15
    assert all((tmp_path / "a" / one).read_bytes() == (tmp_path / "b" / one).read_bytes() for one in files)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ("--dataset-id=1000", "--dataset-id: found 1000, expected 1 to 999"),
        ("--spacing-mm=0 1 1", "--spacing-mm: found"),
        ("--spacing-mm=nan 1 1", "--spacing-mm: found"),
    ],
)
def test_an_option_out_of_range_is_refused(results: Path, tmp_path: Path, capsys, option: str, said: str) -> None:
    name, _, values = option.partition("=")
    assert export(results, tmp_path / "nnunet", name, *values.split()) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "nnunet").exists()


def test_nothing_is_written_over_another_export(results: Path, tmp_path: Path, capsys) -> None:
    assert export(results, tmp_path / "nnunet") == 0
    assert export(results, tmp_path / "nnunet") == 2
    assert "is not empty" in capsys.readouterr().err
