import json

from mgi.cli import main
from mgi.core.errors import ConfigError, NetworkError

GDC = '{"source": "gdc", "retry_base_s": 0}'
TCIA = '{"source": "tcia", "retry_base_s": 0}'


def preflight(target, expression, images, *more):
    sections = json.dumps({"rna": json.loads(expression), "flair": json.loads(images)})
    options = ["--modalities", sections, "--output", str(target)]
    return main(["preflight", *options, *map(str, more)])


def test_every_source_gets_a_line(simulated_archive, tmp_path, capsys):
    target = tmp_path / "preflight.json"
    assert preflight(target, GDC, TCIA, "--archive", simulated_archive) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("rna from gdc: ready: reachable, Data Release")
    assert lines[1].startswith("flair from tcia: ready: reachable, ")
    text = target.read_text()
    assert [line["state"] for line in json.loads(text)["sources"]] == ["ready", "ready"]
    assert "127.0.0.1" not in text


def test_an_absent_kaggle_zip_names_the_key_and_the_ways_out(simulated_archive, tmp_path, capsys):
    target = tmp_path / "preflight.json"
    code = preflight(target, GDC, '{"source": "kaggle"}', "--archive", simulated_archive)
    assert code == ConfigError.exit_code
    printed = capsys.readouterr()
    assert "flair from kaggle: missing: " in printed.out
    (line,) = printed.err.splitlines()
    for word in ("modalities.flair.archive", "mateuszbuda/lgg-mri-segmentation", "0.7 GB", "July 2025", "phs004225"):
        assert word in line
    assert not target.exists()


def test_a_restricted_collection_needs_an_account_and_the_other_source_is_still_asked(
    simulated_archive, tmp_path, capsys
):
    images = '{"source": "tcia", "collection": "TCGA-GBM", "retry_base_s": 0}'
    code = preflight(tmp_path / "p.json", GDC, images, "--archive", simulated_archive)
    assert code == NetworkError.exit_code
    printed = capsys.readouterr().out
    assert "rna from gdc: ready" in printed
    assert "flair from tcia: needs an account" in printed


def test_a_folder_without_a_complete_archive_is_told_at_once(tmp_path, capsys):
    assert preflight(tmp_path / "p.json", GDC, TCIA, "--archive", tmp_path) == ConfigError.exit_code
    assert "archive.json" in capsys.readouterr().err


def test_with_committed_locks_nothing_is_asked(simulated_archive, tmp_path, capsys, asked):
    locks = {}
    for kind, settings in (("rna", GDC), ("flair", TCIA)):
        locks[kind] = tmp_path / f"{kind}.json"
        options = ["--settings", settings, "--archive", str(simulated_archive), "--output", str(locks[kind])]
        assert main(["lock", "--modality", kind, *options]) == 0
    asked.clear()
    given = [json.dumps({**json.loads(GDC), "lock": str(locks["rna"])})]
    given.append(json.dumps({**json.loads(TCIA), "lock": str(locks["flair"])}))
    assert preflight(tmp_path / "p.json", *given, "--archive", simulated_archive) == 0
    assert asked == []
    assert "items chosen by the lock" in capsys.readouterr().out


def test_a_lock_of_the_other_kind_of_archive_is_told_by_the_preflight(simulated_archive, tmp_path, capsys):
    lock = tmp_path / "expression.json"
    options = ["--settings", GDC, "--archive", str(simulated_archive), "--output", str(lock)]
    assert main(["lock", "--modality", "rna", *options]) == 0
    real = json.dumps({"source": "gdc", "lock": str(lock)})
    assert preflight(tmp_path / "p.json", real, '{"source": "kaggle"}') != 0
    assert "rna from gdc: missing" in capsys.readouterr().out
