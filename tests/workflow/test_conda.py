"""The shipped environment is built whole and used by the jobs.

There is no conda on a test machine: MGI_CONDA_TOOLS names a folder with `conda_shim.py`, a test double of the
executable that solves and installs for real, and `mini_channel.py`, which makes a channel of the running Python and its
pip.
All else in the environment comes from the package index that pip is set up for.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lib.environments import PYTHON

TOOLS = os.environ.get("MGI_CONDA_TOOLS")
RUNNING = "{}.{}".format(*sys.version_info)


@pytest.fixture
def conda(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose bin/ has the double; its channel stands in for conda-forge."""
    folder = tmp_path_factory.mktemp("conda")
    for script, arguments in (("mini_channel.py", [folder / "channel"]), ("conda_shim.py", ["install", folder])):
        command = [sys.executable, str(Path(TOOLS or "", script)), *map(str, arguments)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    monkeypatch.setenv("CONDA_SHIM_ALIAS", f"file://{folder / 'channel'}")
    return folder


@pytest.mark.conda
@pytest.mark.skipif(TOOLS is None, reason="MGI_CONDA_TOOLS is not set: no test double of conda")
@pytest.mark.skipif(RUNNING != PYTHON, reason=f"the double's channel has the running Python; envs/ ask for {PYTHON}")
def test_the_half_that_moves_data_runs_in_its_own_environment(tree: Path, snakemake: Any, conda: Path) -> None:
    path = f"{conda / 'bin'}:{os.environ['PATH']}"
    options = ("--use-conda", "--cores", "2", "--configfile", "config/toy.yaml")
    done = snakemake(tree, "data", *options, path=path)
    assert done.returncode == 0, done.stdout[-4000:]
    assert done.stdout.count("Activating conda environment") == done.stdout.count("Finished jobid") - 1
    (environment,) = (folder for folder in (tree / ".snakemake/conda").iterdir() if folder.is_dir())
    assert (environment / "bin/python").exists()
    assert not list(environment.glob("lib/python3.11/site-packages/torch"))
    assert (tree / "results/toy/shards/flair/dataset.json").is_file()
