"""What is built already is not built again, each step has its figures, and a failure leaves no container behind."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

BUILDAH = """#!/bin/sh
echo "$*" >> {folder}/asked
case "$*" in
    *" from "*) echo working-1 ;;
    *" images "*) echo "localhost/mgi: 2 GB" ;;
    *" run "*) echo "no space left" >&2; exit {code} ;;
esac
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """Put a `debootstrap` and a `buildah` that has both images on PATH, and a clone where the benchmark has its own."""
    work, folder = tmp_path / "work", tmp_path / "bin"
    for path in (work / "clone", folder):
        path.mkdir(parents=True)
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    for said in (("init", "--quiet"), (*who, "commit", "--quiet", "--allow-empty", "--message", "first")):
        subprocess.run(["git", *said], cwd=work / "clone", check=True)
    monkeypatch.setenv("PATH", str(folder), prepend=":")
    monkeypatch.setattr("os.chown", lambda *_, **__: None)  # only root may

    def make(code: int) -> Path:
        for name, text in (("debootstrap", "#!/bin/sh\n"), ("buildah", BUILDAH.format(folder=folder, code=code))):
            (folder / name).write_text(text)
            (folder / name).chmod(0o755)
        return folder / "asked"

    monkeypatch.setattr(sys, "argv", ["container", "--work", str(work), "--output", str(tmp_path / "record.json")])
    return make


def test_folders_for_the_build_may_be_several_and_torch_is_one_of_two_builds(benchmark, monkeypatch, capsys):
    container = benchmark("container")
    monkeypatch.setattr(sys, "argv", ["container", "--volume", "a:a", "--volume", "b:b"])
    said = container.arguments()
    assert (said.volume, said.torch, said.configfile) == (["a:a", "b:b"], "cpu", "config/demo.yaml")
    monkeypatch.setattr(sys, "argv", ["container", "--torch", "gpu"])
    with pytest.raises(SystemExit):
        container.arguments()
    assert "invalid choice: 'gpu'" in capsys.readouterr().err


def test_programs_that_are_missing_are_named_before_anything_is_made(benchmark, monkeypatch, tmp_path):
    container = benchmark("container")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["container", "--work", str(tmp_path / "work")])
    with pytest.raises(SystemExit, match="container: not found: debootstrap, buildah; install it"):
        container.main()
    assert not (tmp_path / "work").exists()


def test_what_is_built_is_not_built_again_and_the_workflow_has_its_figures(benchmark, programs, tmp_path):
    container, asked = benchmark("container"), programs(0)
    container.main()
    figures = json.loads((tmp_path / "record.json").read_text())
    assert list(figures["steps"]) == ["workflow"]
    assert figures["steps"]["workflow"].keys() == {"seconds", "cpu_seconds"}
    assert figures["sizes"] == {"localhost/mgi": "2 GB"}
    assert "snakemake --configfile config/demo.yaml" in asked.read_text()


def test_a_workflow_that_fails_ends_with_what_it_said_and_without_its_container(benchmark, programs, tmp_path):
    container, asked = benchmark("container"), programs(4)
    with pytest.raises(SystemExit, match=r"(?s)buildah .* run .*: exit code 4\nno space left"):
        container.main()
    assert asked.read_text().splitlines()[-1].endswith("rm working-1")
    assert not (tmp_path / "record.json").exists()
