from pathlib import Path

import pytest

from mgi.cli import parser_of
from mgi.cohort.tables import read_cohort
from mgi.commands import cohort
from mgi.core.errors import BadInputError
from small_locks import fetched, flair_lock, profile, rna_lock, series, write_index, write_lock

A, B = "TCGA-DU-0001", "TCGA-CS-0002"


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    genes = [profile(A), profile(B)]
    images = [series(A), series(A, "mask"), series(B)]
    locks = [
        write_lock(tmp_path / "i.json", flair_lock(*images)),
        write_lock(tmp_path / "e.json", rna_lock(*genes)),
    ]
    indexes = [
        write_index(tmp_path / "i1.json", "flair", [fetched(item) for item in images]),
        *(write_index(tmp_path / f"e{n}.json", "rna", [fetched(gene)]) for n, gene in enumerate(genes)),
    ]
    return [
        "--lock", *map(str, locks), "--index", *map(str, indexes),
        "--output", str(tmp_path / "c.parquet"), "--tsv", str(tmp_path / "c.tsv"),
    ]  # fmt: skip


def test_the_cohort_is_written_with_its_reasons(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cohort.run(parser_of(cohort).parse_args(arguments))
    table = read_cohort(tmp_path / "c.parquet").table
    assert dict(zip(table["patient_id"], table["status"], strict=True)) == {B: "dropped", A: "kept"}
    assert table["reason"].iloc[0] == "no mask"
    assert table["flair_key"].tolist() == [f"flair-{B}", f"flair-{A}"]
    assert "    1  kept\n    1  no mask\n" in capsys.readouterr().out


def test_the_same_inputs_give_the_same_bytes(arguments: list[str], tmp_path: Path) -> None:
    args = parser_of(cohort).parse_args(arguments)
    cohort.run(args)
    first = (tmp_path / "c.parquet").read_bytes(), (tmp_path / "c.tsv").read_bytes()
    cohort.run(args)
    assert first == ((tmp_path / "c.parquet").read_bytes(), (tmp_path / "c.tsv").read_bytes())


def test_a_cohort_without_a_kept_patient_is_an_error_that_counts_the_reasons_and_leaves_them_beside_the_outputs(
    arguments: list[str], tmp_path: Path
) -> None:
    reasons = tmp_path / "c_nobody_kept.tsv"
    said = r"c_nobody_kept\.tsv: .* 2 patients has rna and flair with mask: 1 \w.*, 1 \w"
    with pytest.raises(BadInputError, match=said):
        cohort.run(parser_of(cohort).parse_args([*arguments, "--exclude", A]))
    lines = reasons.read_text().splitlines()
    assert len(lines) == 3
    assert "excluded by the configuration" in lines[1] + lines[2]
    assert "no mask" in lines[1] + lines[2]
    assert not (tmp_path / "c.tsv").exists()
    assert not (tmp_path / "c.parquet").exists()
    cohort.run(parser_of(cohort).parse_args(arguments))
    assert not reasons.exists()


def test_what_is_no_lock_is_named(arguments: list[str], tmp_path: Path) -> None:
    (tmp_path / "e.json").write_text("[]")
    with pytest.raises(BadInputError, match=r"e\.json: found list"):
        cohort.run(parser_of(cohort).parse_args(arguments))


def test_a_patient_needs_what_is_required_alone(arguments: list[str], tmp_path: Path) -> None:
    cohort.run(parser_of(cohort).parse_args([*arguments, "--require", "rna"]))
    assert read_cohort(tmp_path / "c.parquet").kept == [B, A]


def test_two_locks_of_one_modality_and_an_index_without_lock_are_refused(arguments: list[str], tmp_path: Path) -> None:
    lock = str(tmp_path / "e.json")
    for locks, said in (([lock, lock], "--lock: 2 .* 1 "), ([lock], r"i1\.json: .*flair")):
        with pytest.raises(BadInputError, match=said):
            cohort.run(parser_of(cohort).parse_args([*arguments, "--lock", *locks]))
