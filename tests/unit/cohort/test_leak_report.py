"""A check for leaks is taken for the files that were checked, and for no others."""

from pathlib import Path

import pytest

from mgi.cohort.leak_report import require_no_leaks, write_leak_report
from mgi.core.errors import BadInputError, IntegrityError

FOUND = {"split_unit": "patient", "leaks": []}


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, list[Path]]:
    split, datasets = (
        tmp_path / "split.parquet",
        [tmp_path / f"shards/{name}/dataset.json" for name in ("rna", "flair")],
    )
    for path in (split, *datasets):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(str(path))
    write_leak_report(tmp_path / "leaks.json", FOUND, split, datasets)
    return tmp_path / "leaks.json", split, datasets


def test_the_files_that_were_checked_may_train_in_any_order(files: tuple[Path, Path, list[Path]]) -> None:
    report, split, datasets = files
    require_no_leaks(report, split, datasets[::-1], "patient")


@pytest.mark.parametrize(("changed", "name"), [(0, "split"), (1, "shards/rna"), (2, "shards/flair")])
def test_another_split_or_shard_than_was_checked_is_named(
    files: tuple[Path, Path, list[Path]], changed: int, name: str
) -> None:
    report, split, datasets = files
    [split, *datasets][changed].write_text("other")
    with pytest.raises(IntegrityError, match=rf"leaks\.json: checked: {name}: .*--forcerun check_leaks$"):
        require_no_leaks(report, split, datasets, "patient")


def test_a_check_of_another_unit_and_a_leak_are_named(files: tuple[Path, Path, list[Path]]) -> None:
    report, split, datasets = files
    with pytest.raises(BadInputError, match="split_unit: found 'patient', expected 'slice'"):
        require_no_leaks(report, split, datasets, "slice")
    write_leak_report(report, {**FOUND, "leaks": [{"fold": 0}]}, split, datasets)
    with pytest.raises(BadInputError, match=r"leaks: found .*expected none"):
        require_no_leaks(report, split, datasets, "patient")
