"""cluster-check asks SLURM and Snakemake, and says by its exit code whether all rules fit somewhere."""

import shutil
import subprocess
from typing import Any

import pytest

from mgi.cli import main
from mgi.cluster.partitions import SINFO, node_kinds
from mgi.commands import cluster_check

DRY_RUN = """\
[Mon Nov 30 05:30:13 2026]
rule fetch:
    output: results/toy/raw/rna/batch-1-of-2.json
    resources: tmpdir=/tmp, mem_mb=2000, mem=2 GB, runtime=60, net=1
"""


def answers(monkeypatch: pytest.MonkeyPatch, **said: str | int) -> list[list[str]]:
    """Put texts in the place of what the programs say; a number is the exit code of one that fails."""
    asked: list[list[str]] = []

    def run(command: Any, **_: Any) -> subprocess.CompletedProcess[str]:
        asked.append(list(command))
        answer = next((value for name, value in said.items() if name in command[:3]), None)
        if answer is None:
            raise FileNotFoundError(2, "No such file or directory", command[0])
        code, text = (answer, "") if isinstance(answer, int) else (0, answer)
        return subprocess.CompletedProcess(command, code, text, "it failed\n" if code else "")

    monkeypatch.setattr(cluster_check.subprocess, "run", run)
    return asked


def test_a_cluster_on_which_all_fits_is_described_with_lines_for_the_profile(monkeypatch: Any, capsys: Any) -> None:
    asked = answers(
        monkeypatch, sinfo="short*|up|4:00:00|48|192000|gpu:a100:4\n", sacctmgr="lab|\n", sacct="", snakemake=DRY_RUN
    )
    assert main(["cluster-check", "--configfile", "config/toy.yaml"]) == 0
    said = capsys.readouterr().out
    assert "partition short (default): 240 min, 48 CPUs, 192000 MB, 4 GPUs (a100)" in said
    assert "accounts: lab" in said
    assert "  slurm_account: lab" in said
    assert "squeue" not in said
    assert "config/toy.yaml" in asked[-1]


def test_a_rule_that_fits_nowhere_is_named_and_changes_the_exit_code(monkeypatch: Any, capsys: Any) -> None:
    answers(monkeypatch, sinfo="short*|up|0:30:00|48|192000|(null)\n", sacctmgr=1, snakemake=DRY_RUN)
    assert main(["cluster-check"]) == 1
    said = capsys.readouterr().out
    assert "fetch: asks for 60 min, found at most 30" in said
    assert "accounts: none" in said
    assert "slurm-status-command: squeue" in said


def test_a_machine_without_slurm_and_a_config_that_is_wrong_are_one_line_each(monkeypatch: Any, capsys: Any) -> None:
    answers(monkeypatch, snakemake=DRY_RUN)
    assert main(["cluster-check"]) == 6
    assert "sinfo" in capsys.readouterr().err
    answers(monkeypatch, sinfo="short*|up|0:30:00|48|192000|(null)\n", snakemake=1)
    assert main(["cluster-check"]) == 2
    assert "it failed" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("sinfo") is None, reason="needs SLURM's commands")
def test_what_a_real_sinfo_says_is_read() -> None:
    told = subprocess.run(SINFO, capture_output=True, text=True, check=False)
    if told.returncode:
        pytest.skip("SLURM's controller does not answer")
    assert node_kinds(told.stdout)
