"""Jobs run in the image that the config names; a stand-in for apptainer shows what they are started with.

It is no container: it notes its arguments and runs the command here, with this Python first in PATH as the image has
its own.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

STAND_IN = f"""#!{sys.executable}
import json, os, sys
arguments = sys.argv[1:]
if arguments == ["--version"]:
    print("apptainer version 1.3.4")
    sys.exit()
with open(os.environ["NOTED"], "a") as noted:
    noted.write(json.dumps(arguments) + "\\n")
where = arguments.index("mgi.sif")
os.environ["PATH"] = {str(Path(sys.executable).parent)!r} + os.pathsep + os.environ["PATH"]
os.execvp(arguments[where + 1], arguments[where + 1:])
"""


@pytest.fixture
def noted(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the stand-in notes its calls, a line each; it is the only apptainer in PATH."""
    folder = tmp_path_factory.mktemp("apptainer")
    (folder / "apptainer").write_text(STAND_IN)
    (folder / "apptainer").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("NOTED", str(folder / "calls"))
    return folder / "calls"


def test_every_job_runs_in_the_image_with_the_images_python(tree: Path, snakemake: Any, noted: Path) -> None:
    (tree / "mgi.sif").touch()
    (tree / "own.yaml").write_text("compute: {container: mgi.sif}\n")
    options = ("--cores", "2", "--configfile", "config/toy.yaml", "own.yaml")
    done = snakemake(tree, "preflight", *options, "--software-deployment-method", "apptainer")
    assert done.returncode == 0, done.stdout[-4000:]
    calls = [json.loads(line) for line in noted.read_text().splitlines()]
    commands = [arguments[-1] for arguments in calls]
    assert [command.split("python -m ")[1].split(" \\")[0] for command in commands] == [
        "mgi_standin simulate", "mgi preflight",
    ]  # fmt: skip
    assert all(f"export PYTHONPATH={tree}/src" in command for command in commands)
    assert not any("export PATH=" in command for command in commands)


def test_without_an_image_or_without_apptainer_jobs_run_as_ever(tree: Path, snakemake: Any, noted: Path) -> None:
    (tree / "own.yaml").write_text("compute: {container: mgi.sif}\n")
    named = snakemake(tree, "-n", "--quiet", "rules", "--configfile", "config/toy.yaml", "own.yaml")
    assert named.returncode == 0, named.stdout
    assert not noted.exists()
