"""The workflow as a module of another one, in another folder, with a config, names and a place of its own."""

import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
TOY = yaml.safe_load((ROOT / "config/toy.yaml").read_text())
Jobs = Callable[[str], dict[str, int]]

DEPLOYED = f"""
configfile: "config/config.yaml"

module mgi:
    snakefile: "{ROOT}/workflow/Snakefile"
    config: config

use rule * from mgi
"""
PART = f"""
configfile: "config/config.yaml"

shell.prefix("set -euo pipefail; GREETING='{{{{hello}}}}'; ")

module mgi:
    snakefile: "{ROOT}/workflow/Snakefile"
    prefix: "glioma"
    config: config["mgi"]

use rule * from mgi as mgi_*

rule mine:
    input: rules.mgi_cohort.output.tsv
    output: "mine.txt"
    shell: "{{{{ echo $GREETING; wc -l <{{input}}; }}}} >{{output}}"
"""


def workflow_in(folder: Path, snakefile: str, config: dict[str, Any]) -> Path:
    """A workflow as the standard layout has it: workflow/Snakefile, and the config beside it."""
    for name, text in (("workflow/Snakefile", snakefile), ("config/config.yaml", yaml.safe_dump(config))):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    return folder


def test_a_folder_that_names_the_workflow_and_a_config_lists_the_jobs_of_a_clone(
    tmp_path: Path, tree: Path, snakemake: Any, jobs_of: Jobs
) -> None:
    own = tmp_path / "own"
    own.mkdir()
    listed = snakemake(workflow_in(own, DEPLOYED, TOY), "-n", "--cores", "2", "--quiet", "rules")
    assert listed.returncode == 0, listed.stdout
    in_clone = snakemake(tree, "-n", "--quiet", "rules", "--configfile", "config/toy.yaml")
    assert jobs_of(listed.stdout) == jobs_of(in_clone.stdout)
    assert sum(jobs_of(listed.stdout).values()) > 20


def test_a_mistake_in_the_modules_config_is_one_line(tmp_path: Path, snakemake: Any) -> None:
    stopped = snakemake(workflow_in(tmp_path, DEPLOYED, {**TOY, "modell": {}}), "-n", "--cores", "2")
    assert stopped.returncode == 1
    assert "config: modell: unknown" in stopped.stdout
    assert "Traceback" not in stopped.stdout


def test_rules_of_a_module_run_below_its_prefix_beside_those_of_the_other_workflow(
    tmp_path: Path, snakemake: Any
) -> None:
    folder = workflow_in(tmp_path, PART, {"mgi": TOY, "of another": 3})
    done = snakemake(folder, "mine", "--cores", "2")
    assert done.returncode == 0, done.stdout[-4000:]
    assert (folder / "mine.txt").read_text().split()[0] == "{hello}"
    results = folder / "glioma/results/toy"
    assert {path.name for path in results.iterdir()} == {
        "archive", "benchmarks", "locks", "logs", "preflight.json", "raw", "tables",
    }  # fmt: skip
    assert {path.name for path in folder.iterdir()} == {".snakemake", "config", "glioma", "mine.txt", "workflow"}


@pytest.fixture
def with_own_files(tmp_path: Path) -> dict[str, Any]:
    """A config whose sources are files of the user, in the working directory."""
    for name in ("images.zip", "table.tsv", "sites.tsv", "sets.gmt"):
        (tmp_path / name).write_text("x")
    modalities = {"rna": {"source": "matrix", "table": "table.tsv"}, "flair": {"archive": "images.zip"}}
    return {
        "modalities": modalities,
        "cohort": {"sites": "sites.tsv"},
        "model": {"gene_tokens": "pathway", "pathways": "sets.gmt"},
    }


def test_a_prefix_moves_what_is_made_and_not_the_users_files(
    tmp_path: Path, with_own_files: dict[str, Any], snakemake: Any
) -> None:
    folder = workflow_in(tmp_path, PART, {"mgi": with_own_files})
    listed = snakemake(folder, "mgi_all", "-n", "--cores", "2", "--printshellcmds")
    assert listed.returncode == 0, listed.stdout
    inputs = {path for line in re.findall(r"^    input: (.*)$", listed.stdout, re.M) for path in line.split(", ")}
    assert {path for path in inputs if not path.startswith("glioma/")} == {
        "images.zip", "table.tsv", "sites.tsv", "sets.gmt",
    }  # fmt: skip
    commands = "\n".join(listed.stdout.split("python -m mgi ")[1:])
    assert "--table table.tsv" in commands
    assert not re.search(r"[ =]'?results/", commands)


def test_another_archive_of_the_module_lies_below_its_prefix_too(
    tmp_path: Path, with_own_files: dict[str, Any], snakemake: Any
) -> None:
    external = {"modalities": {"rna": {"source": "gdc"}, "flair": {"source": "nifti", "folder": "other"}}}
    folder = workflow_in(tmp_path, PART, {"mgi": {**with_own_files, "external": external}})
    listed = snakemake(folder, "mgi_external", "-n", "--cores", "2")
    assert listed.returncode == 0, listed.stdout
    outputs = {path for line in re.findall(r"^    output: (.*)$", listed.stdout, re.M) for path in line.split(", ")}
    assert {path.split("/")[0] for path in outputs} == {"glioma"}
    assert "glioma/results/tcga-lgg/external/evaluation/results.csv" in outputs


def test_a_module_whose_files_are_fetched_one_by_one_is_refused_with_the_remedy(tmp_path: Path, snakemake: Any) -> None:
    subprocess.run(["git", "init", "-q", tmp_path / "repository"], check=True)
    (tmp_path / "repository/workflow").mkdir()
    (tmp_path / "repository/workflow/Snakefile").write_text((ROOT / "workflow/Snakefile").read_text())
    git = ["git", "-C", str(tmp_path / "repository"), "-c", "user.name=x", "-c", "user.email=x@x"]
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "x"], check=True)
    remote = f"git+file://{tmp_path}/repository/workflow/Snakefile@HEAD"
    own = tmp_path / "own"
    own.mkdir()
    snakefile = DEPLOYED.replace(f"{ROOT}/workflow/Snakefile", remote)
    stopped = snakemake(workflow_in(own, snakefile, TOY), "-n", "--cores", "2")
    assert stopped.returncode == 1
    assert "expected a clone on disk" in stopped.stdout
    assert "Traceback" not in stopped.stdout


def test_the_other_workflow_may_hold_the_results_folder_as_a_clone_does(tmp_path: Path, snakemake: Any) -> None:
    folder = workflow_in(tmp_path, PART + "\nonstart: mgi.onstart()\n", {"mgi": TOY})
    lock = folder / "glioma/results/toy/.run.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text("of whom?")
    stopped = snakemake(folder, "mgi_preflight", "--cores", "2")
    assert stopped.returncode == 1
    assert "glioma/results/toy: locked, and glioma/results/toy/.run.lock cannot be read" in stopped.stdout
    assert not (folder / "glioma/results/toy/preflight.json").exists()
