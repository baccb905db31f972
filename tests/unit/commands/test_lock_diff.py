import json

import pytest

from mgi.cli import main
from mgi.core.errors import BadInputError, ConfigError
from resealed import reseal


@pytest.fixture
def locks(simulated_archive, tmp_path):
    """Locks of both kinds of the simulated archive."""
    sections = {"rna": "{}", "flair": '{"source": "tcia", "min_images": 8}'}
    for kind, settings in sections.items():
        options = ["--settings", settings, "--archive", str(simulated_archive), "--output", str(tmp_path / kind)]
        assert main(["lock", "--modality", kind, *options]) == 0
    return tmp_path


def edit(path, target, change):
    plain = json.loads(path.read_text())
    change(plain)
    reseal(target, plain)
    return str(target)


@pytest.mark.parametrize("kind", ["rna", "flair"])
def test_a_lock_does_not_differ_from_itself(locks, kind, capsys):
    capsys.readouterr()
    assert main(["lock-diff", str(locks / kind), str(locks / kind)]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("0 added, 0 removed, 0 superseded, 0 changed, ")


def test_a_newer_release_is_one_line_per_patient_and_exit_code_1(locks, capsys):
    def newer(plain):
        plain["release"] = "Data Release 46.0"
        plain["items"][0]["md5"] = "0" * 32

    new = edit(locks / "rna", locks / "new", newer)
    capsys.readouterr()
    assert main(["lock-diff", str(locks / "rna"), new]) == 1
    said = capsys.readouterr()
    head, change, counts = said.out.splitlines()
    assert said.err == ""
    assert head.startswith("release: Data Release 45.0")
    assert "changed     " in change
    assert "-> 000000000000…" in change
    assert "1 changed" in counts


def test_a_series_that_lost_images_shows(locks, capsys):
    def shorter(plain):
        next(item for item in plain["items"] if item["chosen"])["metadata"]["n_images"] -= 1

    new = edit(locks / "flair", locks / "new", shorter)
    capsys.readouterr()
    assert main(["lock-diff", str(locks / "flair"), new]) == 1
    assert "n_images 15 -> 14" in capsys.readouterr().out


def test_trouble_has_another_exit_code_than_a_difference(locks, capsys):
    (locks / "empty").write_text("")
    assert main(["lock-diff", str(locks / "rna"), str(locks / "flair")]) == ConfigError.exit_code
    assert main(["lock-diff", str(locks / "rna"), str(locks / "empty")]) == BadInputError.exit_code
    assert main(["lock-diff", str(locks / "rna"), str(locks / "none")]) > 1
    assert all(line.startswith("mgi lock-diff: ") for line in capsys.readouterr().err.splitlines())
