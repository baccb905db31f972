import hashlib
import json

import pytest

from mgi.cli import main
from mgi.core.errors import ConfigError, NetworkError

GDC = '{"source": "gdc", "retry_base_s": 0}'


@pytest.fixture
def lock(simulated_archive, tmp_path):
    path = tmp_path / "locks" / "expression.json"
    options = ["--settings", GDC, "--archive", str(simulated_archive), "--output", str(path)]
    assert main(["lock-expression", *options]) == 0
    return path


def fetch(archive, lock, target, batch="1-of-2", settings=GDC):
    options = ["--settings", settings, "--archive", str(archive), "--lock", str(lock), "--batch", batch]
    return main(["fetch-expression", *options, "--output", str(target)])


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
        assert entry["sha256"] is None
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
    lock.write_text(json.dumps(plain))
    target = tmp_path / "raw" / "batch.json"
    codes = [fetch(simulated_archive, lock, target, batch) for batch in ("1-of-2", "2-of-2")]
    assert sorted(codes) == [0, NetworkError.exit_code]
    line = next(line for line in capsys.readouterr().err.splitlines() if line.startswith("mgi"))
    assert "1 of " in line
    assert lost["key"] in line
    n_chosen = sum(item["chosen"] for item in plain["items"])
    assert len(list((tmp_path / "raw" / "files").glob("*.tsv"))) == n_chosen - 1


@pytest.mark.parametrize(("batch", "settings"), [("5-of-2", GDC), ("1-of-2", '{"source": "matrix"}')])
def test_a_batch_or_lock_that_does_not_fit_is_refused(simulated_archive, lock, tmp_path, batch, settings):
    assert fetch(simulated_archive, lock, tmp_path / "x.json", batch, settings) == ConfigError.exit_code


def test_a_users_table_stays_where_it_is(tmp_path, capsys):
    table, lock = tmp_path / "mine.csv", tmp_path / "lock.json"
    table.write_text("id,TP53\nTCGA-CS-4941-01A,1.5\nTCGA-HT-7473,3\n")
    settings = json.dumps({"source": "matrix", "table": str(table)})
    assert main(["lock-expression", "--settings", settings, "--output", str(lock)]) == 0
    options = ["--settings", settings, "--lock", str(lock), "--batch", "1-of-1", "--output", str(tmp_path / "b.json")]
    assert main(["fetch-expression", *options]) == 0
    entries = index_of(tmp_path / "b.json")["items"]
    assert [(entry["key"], entry["path"]) for entry in entries] == [("TCGA-CS-4941-01A", None), ("TCGA-HT-7473", None)]
    table.write_text("id,TP53\nTCGA-CS-4941-01A,9\nTCGA-HT-7473,3\n")
    assert main(["fetch-expression", *options]) != 0
    assert "make the lock again" in capsys.readouterr().err
