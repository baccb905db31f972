import json
import os
import shutil

import pytest

from mgi.cli import main
from mgi.core.errors import BadInputError, IntegrityError
from mgi.shards.dataset_manifest import DATASET
from resealed import reseal

SECTIONS = {"rna": '{"retry_base_s": 0}', "flair": '{"source": "tcia", "min_images": 8, "retry_base_s": 0}'}


@pytest.fixture(scope="module")
def finished(simulated_archive, tmp_path_factory):
    """Locks and raw files of the simulated archive, and the shard of its genes."""
    results = tmp_path_factory.mktemp("verify") / "results"
    for half, settings in SECTIONS.items():
        lock, index = results / f"locks/{half}.json", results / f"raw/{half}/batch-1-of-1.json"
        given = ["--settings", settings, "--archive", str(simulated_archive)]
        assert main(["lock", "--modality", half, *given, "--output", str(lock)]) == 0
        fetch = ["fetch", "--modality", half, *given, "--lock", str(lock), "--batch", "1-of-1", "--output", str(index)]
        assert main(fetch) == 0
    made = [str(results / "shards/rna" / name) for name in ("values.parquet", "features.parquet", DATASET)]
    lock, index = results / "locks/rna.json", results / "raw/rna/batch-1-of-1.json"
    given = ["--modality", "rna", "--settings", '{"unit": "tpm"}', "--lock", str(lock), "--index", str(index)]
    assert main(["shard", *given, "--output", *made]) == 0
    return results


@pytest.fixture
def results(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "results")


def verify(results, *more):
    return main(["verify", "--results", str(results), *more])


def flip(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    return path


def a_file(results, pattern):
    return sorted(results.glob(pattern))[0]


def test_an_undamaged_run_is_right_in_every_kind(results, capsys):
    n_chosen = {
        half: sum(one["chosen"] for one in json.loads((results / f"locks/{half}.json").read_text())["items"])
        for half in SECTIONS
    }
    assert verify(results) == 0
    assert capsys.readouterr().out.splitlines() == [
        "locks: 2 files: all right",
        "indexes: 2 files: all right",
        f"raw rna: {n_chosen['rna']} files: all right",
        f"raw flair: {n_chosen['flair']} files: all right",
        "shards rna: 2 files: all right",
        f"{sum(n_chosen.values()) + 6} files read, 0 damaged or missing",
    ]


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [
        ("raw rna", "raw/rna/files/*.tsv"),
        ("raw flair", "raw/flair/series/*.zip"),
        ("shards rna", "shards/rna/values.parquet"),
    ],
)
def test_one_flipped_bit_or_a_lost_file_is_found_whatever_its_time_says(results, capsys, kind, pattern):
    path = a_file(results, pattern)
    before = path.stat()
    flip(path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    for fault in ("recorded", "missing"):
        assert verify(results) == IntegrityError.exit_code
        said = capsys.readouterr()
        of_kind, line, _ = [line for line in said.out.splitlines() if "all right" not in line]
        assert of_kind.startswith(f"{kind}: ")
        assert of_kind.endswith(": 1 damaged or missing")
        assert line.startswith(f"  {path}: ")
        assert fault in line
        assert "; delete it and run snakemake with --forcerun " in line
        assert len(said.err.splitlines()) == 1
        path.unlink(missing_ok=True)


def test_an_index_that_lost_an_item_is_a_gap_even_if_all_files_are_right(results, capsys):
    index = results / "raw/flair/batch-1-of-1.json"
    plain = json.loads(index.read_text())
    lost = plain["items"].pop()
    reseal(index, plain)
    assert verify(results) == IntegrityError.exit_code
    assert f"{lost['patient_id']}: {lost['key']}: chosen by the lock, but in no index" in capsys.readouterr().out


def test_what_was_not_made_yet_is_no_damage_but_what_lies_behind_a_shard_is(results, capsys):
    (results / "locks/flair.json").unlink()
    assert verify(results) == IntegrityError.exit_code
    said = capsys.readouterr().out
    assert f"lock flair: 0 files: 1 damaged or missing\n  {results}/locks/flair.json: missing; " in said
    assert "--forcerun lock\n" in said
    shutil.rmtree(results / "raw/flair")
    assert verify(results) == 0
    assert "flair" not in capsys.readouterr().out
    shutil.rmtree(results / "raw/rna")
    assert verify(results) == IntegrityError.exit_code
    assert "raw/rna: no index, though the shards were made from one" in capsys.readouterr().out


def test_a_folder_without_locks_is_no_run(tmp_path, capsys):
    assert verify(tmp_path) == BadInputError.exit_code
    assert "no locks" in capsys.readouterr().err


def test_a_users_table_is_compared_with_the_lock_where_it_lies(tmp_path, capsys):
    table, results = tmp_path / "mine.csv", tmp_path / "results"
    table.write_text("id,TP53\nTCGA-CS-4941-01A,1.5\nTCGA-HT-7473,3\n")
    settings = json.dumps({"source": "matrix", "table": str(table)})
    lock, index = results / "locks/rna.json", results / "raw/rna/batch-1-of-1.json"
    assert main(["lock", "--modality", "rna", "--settings", settings, "--output", str(lock)]) == 0
    fetch = ["fetch", "--modality", "rna", "--settings", settings, "--lock", str(lock), "--batch", "1-of-1"]
    assert main([*fetch, "--output", str(index)]) == 0
    assert verify(results) == IntegrityError.exit_code
    assert "mine.csv: not given; name it with --table rna=PATH" in capsys.readouterr().out
    assert verify(results, "--table", f"rna={table}") == 0
    assert capsys.readouterr().out.splitlines() == [
        "locks: 1 files: all right",
        "indexes: 1 files: all right",
        "own rna: 1 files: all right",
        "3 files read, 0 damaged or missing",
    ]
    sections = {"rna": json.loads(settings), "flair": {"source": "kaggle", "archive": str(table)}}
    reseal(results / "config.json", {"modalities": sections})
    assert verify(results) == 0
    table.write_text(table.read_text().replace("1.5", "1.6"))
    assert verify(results) == IntegrityError.exit_code
    assert f"own rna: 1 files: 1 damaged or missing\n  {table}: sha256" in capsys.readouterr().out
