import json
from pathlib import Path

import pytest

from mgi.cli import parser_of
from mgi.cohort.pairing import CohortRow
from mgi.cohort.tables import read_split
from mgi.commands import split
from mgi.core.errors import BadInputError, ConfigError
from small_locks import cohort_row, write_cohort_table


def row(index: int, status: str, site: str = "DU", **changes: object) -> CohortRow:
    kept = status == "kept"
    given = {"masks": ("m",) if kept else (), "reason": None if kept else "no mask"}
    return cohort_row(f"TCGA-{site}-{index:04d}", **{**given, **changes})


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    rows = [row(index, "dropped" if index == 3 else "kept") for index in range(10)]
    write_cohort_table(rows, tmp_path / "c.parquet")
    outputs = ["--output", str(tmp_path / "s.parquet"), "--tsv", str(tmp_path / "s.tsv")]
    outputs += ["--sites", str(tmp_path / "sites.tsv"), "--whole", str(tmp_path / "whole.parquet")]
    return ["--cohort", str(tmp_path / "c.parquet"), *outputs]


def run(arguments: list[str], **settings: object) -> None:
    split.run(parser_of(split).parse_args([*arguments, "--settings", json.dumps(settings)]))


def test_only_kept_patients_are_split(arguments: list[str], tmp_path: Path) -> None:
    run(arguments, folds=3, validation_fraction=0.2, seed=1)
    table = read_split(tmp_path / "s.parquet")
    assert sorted(set(table["fold"])) == [0, 1, 2]
    assert table["patient_id"].nunique() == 9
    assert "TCGA-DU-0003" not in set(table["patient_id"])
    assert len((tmp_path / "s.tsv").read_text().splitlines()) == 1 + 27
    whole = read_split(tmp_path / "whole.parquet")
    assert set(whole["fold"]) == {3}
    assert set(whole["patient_id"]) == set(table["patient_id"])
    assert set(whole["role"]) == {"train", "validation"}


def test_the_sites_of_every_fold_are_counted_and_one_that_is_not_trained_on_is_named(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [*(row(index, "kept") for index in range(8)), row(9, "kept", "TQ"), row(10, "dropped", "CS")]
    write_cohort_table(rows, tmp_path / "c.parquet")
    run(arguments, folds=3, validation_fraction=0.2, seed=1)
    lines = [line.split("\t") for line in (tmp_path / "sites.tsv").read_text().splitlines()]
    assert lines[0] == ["fold", "site", "train", "validation", "test"]
    assert [line[:2] for line in lines[1:]] == [[str(fold), site] for fold in range(3) for site in ("DU", "TQ")]
    counts = read_split(tmp_path / "s.parquet").groupby(["fold", "site", "role"]).size()
    for fold, site, *found in lines[1:]:
        assert [int(count) for count in found] == [
            counts.get((int(fold), site, role), 0) for role in ("train", "validation", "test")
        ]
    (tested,) = [line[0] for line in lines[1:] if line[1] == "TQ" and line[4] == "1"]
    assert f"fold {tested}: tests 1 of site TQ and trains on none of it" in capsys.readouterr().out


def test_more_folds_than_patients_are_refused(arguments: list[str]) -> None:
    with pytest.raises(BadInputError, match=r"split: 9 .* 10 "):
        run(arguments, folds=10)


def test_an_unknown_setting_is_refused(arguments: list[str]) -> None:
    with pytest.raises(ConfigError, match=r"^split\.folds?: "):
        run(arguments, fold=3)


def test_only_patients_with_expression_no_image_and_no_exclusion_may_train_the_gene_encoder(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = [row(index, "kept") for index in range(6)]
    others = [
        row(10, "dropped", flair=None, reason="no image"),
        row(11, "dropped", flair=None, reason="excluded by the configuration", notes="no image"),
        row(12, "dropped", flair=None, rna=False, reason="no expression"),
        row(13, "dropped", reason="no mask"),
    ]
    write_cohort_table([*kept, *others], tmp_path / "c.parquet")
    run(arguments, folds=3, validation_fraction=0.2, seed=1)
    table = read_split(tmp_path / "s.parquet")
    unpaired = table[table["role"] == "unpaired_expression"]
    assert unpaired[["fold", "patient_id"]].to_numpy().tolist() == [[fold, "TCGA-DU-0010"] for fold in range(3)]
    assert set(table["patient_id"]) == {one.patient_id for one in kept} | {"TCGA-DU-0010"}
    assert "1 patients with expression and no image" in capsys.readouterr().out
