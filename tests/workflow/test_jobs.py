"""What every job's shell begins with, and what the user's own files become."""

import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import yaml
from snakemake.io import is_flagged

from lib.jobs import after_another, pretraining_gpus, shell_prefix, torchrun
from lib.supplied import (
    archive_files,
    archive_option,
    existing,
    gene_list,
    option,
    own,
    pathways,
)

ROOT = Path(__file__).parents[2]


def test_the_prefix_survives_formatting_and_odd_folders() -> None:
    prefix = shell_prefix(Path("/a b/{c}'d"), isolated=False).format()
    command = f"{prefix} printf '%s\\n' \"$PYTHONPATH\"; command -v python; false | true; echo reached"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["/a b/{c}'d", str(Path(sys.executable).parent / "python")]
    assert done.returncode == 1


def test_in_conda_or_a_container_its_own_python_comes_first() -> None:
    assert "PATH=" not in shell_prefix(Path("/src"), isolated=True).replace("PYTHONPATH=", "")


def test_commands_are_told_of_plugins_by_their_whole_path(tmp_path: Path) -> None:
    plugin = tmp_path / "my own.py"
    prefix = shell_prefix(Path("/src"), isolated=False, plugins=[str(plugin)]).format()
    done = subprocess.run(
        ["bash", "-c", f'{prefix} printf %s "$MGI_PLUGINS"'], capture_output=True, text=True, check=True
    )
    assert done.stdout == str(plugin)


def sources(**modalities: dict[str, Any]) -> dict[str, Any]:
    return {"modalities": modalities}


def test_a_gene_list_is_an_input_of_its_filter_alone() -> None:
    assert gene_list(sources(rna={"fit": {"gene_filter": "none", "gene_list": "g"}}, flair={})) == []
    assert gene_list(sources(rna={"fit": {"gene_filter": "list", "gene_list": "g"}}, flair={})) == ["g"]


def test_gene_sets_are_an_input_where_they_are_tokens() -> None:
    assert pathways({"model": {"gene_tokens": "shared", "pathways": "p.gmt"}}) == []
    assert pathways({"model": {"gene_tokens": "pathway", "pathways": "p.gmt"}}) == ["p.gmt"]


def test_the_simulated_archive_is_an_input_only_where_there_is_one() -> None:
    assert archive_files({"simulation": None}) == []
    assert archive_files({"simulation": {"seed": 1}}) == ["<results>/archive/archive.json"]
    assert archive_option(None, SimpleNamespace(archive=[])) == []
    assert archive_option(None, SimpleNamespace(archive=["r/archive/archive.json"])) == ["--archive", "r/archive"]


def test_the_users_files_stay_where_they_are_and_those_of_the_results_move_with_them() -> None:
    given = own(["data/images.zip", "<results>/tables/gene_positions.tsv"])
    assert given == ["data/images.zip", "<results>/tables/gene_positions.tsv"]
    assert [is_flagged(path, "local") for path in given] == [True, False]


def test_a_prefix_is_added_to_that_of_another_workflow_once() -> None:
    own_prefix = shell_prefix(Path("/src"), isolated=True)
    assert after_another(None, own_prefix) == own_prefix
    both = after_another("X={a}; ", own_prefix)
    assert both == "X={{a}}; " + own_prefix
    assert after_another(both.format(), own_prefix) == both


def test_a_missing_file_is_left_to_the_preflight(tmp_path: Path) -> None:
    assert existing(str(tmp_path / "none.zip")) == existing(None) == []
    assert existing(str(tmp_path)) == []  # a folder's time says nothing about what is in it
    (tmp_path / "a.zip").touch()
    assert existing(str(tmp_path / "a.zip")) == [str(tmp_path / "a.zip")]
    assert option("--table", None) == []
    assert option("--table", "a b") == ["--table", "a b"]


def test_one_process_is_started_plainly_and_several_by_torchrun_with_a_gpu_each() -> None:
    config = {"pretrain": {"processes": 1}, "compute": {"gpu": 1}}
    assert (torchrun(config), pretraining_gpus(config)) == ([], 1)
    config["pretrain"]["processes"] = 3
    assert torchrun(config) == ["torchrun", "--standalone", "--nproc-per-node", "3", "--no-python", "--"]
    assert pretraining_gpus(config) == 3
    config["compute"]["gpu"] = 0
    assert pretraining_gpus(config) == 0


def test_the_slurm_profile_sends_every_rule_that_may_want_a_gpu_and_only_rules_that_exist() -> None:
    text = "".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    rules = dict(re.findall(r"^rule (\w+):\n(.*?)(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL))
    wants = {name for name, body in rules.items() if "gpu=" in body}
    sent = set(yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())["set-resources"])
    assert sent == wants | {"external_predict_fold"}
    assert "as external_predict_fold" in text
