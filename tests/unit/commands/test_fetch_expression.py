import hashlib
import json
import shutil

import pytest

from mgi.cli import main
from mgi.core.errors import ConfigError, IntegrityError, NetworkError
from resealed import reseal

NEW_ID = "11111111-1111-4111-8111-111111111111"
GDC = '{"source": "gdc", "retry_base_s": 0}'


@pytest.fixture
def lock(simulated_archive, tmp_path):
    path = tmp_path / "locks" / "expression.json"
    options = ["--settings", GDC, "--archive", str(simulated_archive), "--output", str(path)]
    assert main(["lock", "--modality", "rna", *options]) == 0
    return path


def fetch(archive, lock, target, batch="1-of-2", settings=GDC):
    options = ["--settings", settings, "--archive", str(archive), "--lock", str(lock), "--batch", batch]
    return main(["fetch", "--modality", "rna", *options, "--output", str(target)])


def index_of(path):
    return json.loads(path.read_text())


def test_two_batches_bring_every_chosen_file_with_its_digest(simulated_archive, lock, tmp_path):
    folder = tmp_path / "raw" / "expression"
    found = []
    for batch in ("1-of-2", "2-of-2"):
        assert fetch(simulated_archive, lock, folder / f"batch-{batch}.json", batch) == 0
        found += index_of(folder / f"batch-{batch}.json")["items"]
    chosen = {item["key"]: item for item in index_of(lock)["items"] if item["chosen"]}
    assert {entry["key"] for entry in found} == set(chosen)
    for entry in found:
        content = (folder / entry["path"]).read_bytes()
        assert hashlib.md5(content).hexdigest() == entry["md5"] == chosen[entry["key"]]["md5"]
        assert "sha256" not in entry
    names = sorted(path.name for path in (folder / "files").iterdir())
    assert names == sorted(f"{entry['md5']}.{ending}" for entry in found for ending in ("tsv", "json"))


def test_a_second_run_asks_for_no_body_and_writes_the_same_index(simulated_archive, lock, tmp_path, asked):
    target = tmp_path / "raw" / "batch.json"
    assert fetch(simulated_archive, lock, target) == 0
    first = target.read_bytes()
    assert any("/data/" in path for path in asked)
    asked.clear()
    assert fetch(simulated_archive, lock, target) == 0
    assert asked == []
    assert target.read_bytes() == first
    assert b"127.0.0.1" not in first


def test_a_file_that_the_archive_lost_is_named_after_the_others_arrived(simulated_archive, lock, tmp_path, capsys):
    plain = index_of(lock)
    lost = next(item for item in plain["items"] if item["chosen"])
    lost["key"] = "00000000-0000-0000-0000-000000000000"
    reseal(lock, plain)
    target = tmp_path / "raw" / "batch.json"
    codes = [fetch(simulated_archive, lock, target, batch) for batch in ("1-of-2", "2-of-2")]
    assert sorted(codes) == [0, NetworkError.exit_code]
    line = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("mgi"))
    assert "1 of " in line
    assert lost["key"] in line
    n_chosen = sum(item["chosen"] for item in plain["items"])
    assert len(list((tmp_path / "raw" / "files").glob("*.tsv"))) == n_chosen - 1


@pytest.fixture
def newer_archive(simulated_archive, lock, tmp_path):
    """Make an archive that gave the first chosen file of the lock a new id, and no longer serves the old one."""

    def make(**latest):
        folder = shutil.copytree(simulated_archive, tmp_path / "newer")
        old = next(item for item in index_of(lock)["items"] if item["chosen"])
        files, versions = folder / "gdc/files.json", folder / "gdc/versions.json"
        hits, rows = index_of(files), index_of(versions)
        (hit,) = [one for one in hits if one["file_id"] == old["key"]]
        (row,) = [one for one in rows if one["id"] == old["key"]]
        changes = {"file_id": NEW_ID, "id": NEW_ID, **latest}
        files.write_text(json.dumps([one for one in hits if one is not hit] + [{**hit, **changes}]))
        newest = {**row, "id": NEW_ID, "latest_id": NEW_ID, "version": "9", "release": "46.0", **latest}
        superseded = {**row, "latest_id": NEW_ID, "superseded": True}
        versions.write_text(json.dumps([one for one in rows if one is not row] + [superseded, newest]))
        (folder / "gdc/data" / old["key"]).rename(folder / "gdc/data" / NEW_ID)
        return folder, old

    return make


def test_a_superseded_id_is_resolved_by_asking_for_its_versions_only(newer_archive, lock, tmp_path, capsys, asked):
    folder, old = newer_archive()
    target = tmp_path / "raw/batch.json"
    assert fetch(folder, lock, target, "1-of-1") == 0
    n_chosen = sum(item["chosen"] for item in index_of(lock)["items"])
    others = [path for path in asked if not path.startswith("/data/")]
    assert others == ["/files/versions"]
    assert len(asked) == n_chosen + 2
    (entry,) = [one for one in index_of(target)["items"] if "fetched_as" in one]
    assert (entry["key"], entry["fetched_as"], entry["md5"]) == (old["key"], NEW_ID, old["md5"])
    said = [line for line in capsys.readouterr().out.splitlines() if "superseded" in line]
    line = f"{old['patient_id']}: file {old['key']} was superseded; fetched as {NEW_ID}, the same bytes"
    assert said == [line]
    first = target.read_bytes()
    asked.clear()
    assert fetch(folder, lock, target, "1-of-1") == 0
    assert asked == []
    assert target.read_bytes() == first


def test_a_superseded_id_with_other_bytes_names_both_ids(newer_archive, lock, tmp_path, capsys):
    folder, old = newer_archive(md5sum="0" * 32)
    assert fetch(folder, lock, tmp_path / "raw/batch.json", "1-of-1") == IntegrityError.exit_code
    line = capsys.readouterr().err.splitlines()[-1]
    for part in (old["patient_id"], old["key"], NEW_ID, "46.0", "mgi lock-diff"):
        assert part in line
    n_chosen = sum(item["chosen"] for item in index_of(lock)["items"])
    assert len(list((tmp_path / "raw/files").glob("*.tsv"))) == n_chosen - 1


def test_a_superseded_id_that_is_still_served_is_fetched_as_it_is(simulated_archive, lock, tmp_path, asked):
    rows = index_of(simulated_archive / "gdc/versions.json")
    old = next(row for row in rows if row["superseded"] and row["access"] == "open")
    plain = index_of(lock)
    (item,) = [one for one in plain["items"] if one["key"] == old["latest_id"]]
    item |= {"key": old["id"], "md5": old["md5sum"], "size": old["file_size"]}
    reseal(lock, plain)
    asked.clear()
    assert fetch(simulated_archive, lock, tmp_path / "raw/batch.json", "1-of-1") == 0
    assert f"/data/{old['id']}" in asked
    assert all(path.startswith("/data/") for path in asked)


@pytest.mark.parametrize(("batch", "settings"), [("5-of-2", GDC), ("1-of-2", '{"source": "matrix"}')])
def test_a_batch_or_lock_that_does_not_fit_is_refused(simulated_archive, lock, tmp_path, batch, settings):
    assert fetch(simulated_archive, lock, tmp_path / "x.json", batch, settings) == ConfigError.exit_code


def test_a_users_table_stays_where_it_is(tmp_path, capsys):
    table, lock = tmp_path / "mine.csv", tmp_path / "lock.json"
    table.write_text("id,TP53\nTCGA-CS-4941-01A,1.5\nTCGA-HT-7473,3\n")
    settings = json.dumps({"source": "matrix", "table": str(table)})
    assert main(["lock", "--modality", "rna", "--settings", settings, "--output", str(lock)]) == 0
    options = ["--settings", settings, "--lock", str(lock), "--batch", "1-of-1", "--output", str(tmp_path / "b.json")]
    assert main(["fetch", "--modality", "rna", *options]) == 0
    entries = index_of(tmp_path / "b.json")["items"]
    assert [(entry["key"], entry["path"]) for entry in entries] == [("TCGA-CS-4941-01A", None), ("TCGA-HT-7473", None)]
    table.write_text("id,TP53\nTCGA-CS-4941-01A,9\nTCGA-HT-7473,3\n")
    assert main(["fetch", "--modality", "rna", *options]) != 0
    assert "mine.csv, 44 bytes, sha256 " in capsys.readouterr().err
