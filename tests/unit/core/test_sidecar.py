"""A digest beside a text table: in the form of sha256sum, with what the table was made from."""

import shutil
import subprocess
from pathlib import Path

import pytest

from mgi.core.errors import BadInputError, IntegrityError
from mgi.core.sidecar import digested_path, sidecar_of, verified


@pytest.fixture
def table(tmp_path: Path) -> Path:
    source = tmp_path / "tables/split.parquet"
    source.parent.mkdir()
    source.write_bytes(b"split")
    path = tmp_path / "evaluation/results.csv"
    with digested_path(path, [source]) as part:
        part.write_text("method,mean\nmgi,0.8\n")
    return path


def test_what_was_written_is_read(table: Path) -> None:
    assert verified(table) == table
    assert "# made from " in sidecar_of(table).read_text()


@pytest.mark.skipif(shutil.which("sha256sum") is None, reason="no sha256sum on this machine")
def test_sha256sum_checks_it_too(table: Path) -> None:
    check = ["sha256sum", "--check", "--strict", sidecar_of(table).name]
    assert subprocess.run(check, cwd=table.parent, capture_output=True, check=False).returncode == 0
    table.write_text("method,mean\nmgi,0.9\n")
    assert subprocess.run(check, cwd=table.parent, capture_output=True, check=False).returncode == 1


def test_every_flipped_bit_and_every_cut_of_both_files_is_named(table: Path) -> None:
    for path in (table, sidecar_of(table)):
        whole = path.read_bytes()
        flipped = [whole[:n] + bytes([whole[n] ^ 1 << n % 8]) + whole[n + 1 :] for n in range(len(whole))]
        for content in [*flipped, *(whole[:n] for n in range(len(whole))), whole + b"\n", whole + whole]:
            path.write_bytes(content)
            with pytest.raises((BadInputError, IntegrityError), match=r"results\.csv.*; delete it and run .*compare$"):
                verified(table)
        path.write_bytes(whole)
    assert verified(table)


def test_a_missing_file_a_missing_digest_and_a_missing_source_are_named(table: Path) -> None:
    for path in (table.parents[1] / "tables/split.parquet", sidecar_of(table), table):
        path.unlink()
        with pytest.raises(BadInputError, match=rf"{path.name}: missing"):
            verified(table)


def test_a_table_of_other_results_is_named_though_its_own_digest_is_right(table: Path) -> None:
    (table.parents[1] / "tables/split.parquet").write_bytes(b"other")
    with pytest.raises(IntegrityError, match=r"results\.csv: made from \.\./tables/split\.parquet .*of other results"):
        verified(table)


def test_the_digest_of_another_table_is_none_of_this_one(table: Path) -> None:
    other = table.with_name("tests.csv")
    with digested_path(other) as part:
        shutil.copy(table, part)
    shutil.copy(sidecar_of(other), sidecar_of(table))
    with pytest.raises(IntegrityError, match=r"results\.csv\.sha256: not the digest of results\.csv"):
        verified(table)
