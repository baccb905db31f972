"""What is read of a run's words and of sacct's, and that nothing is started on a machine that lacks something."""

import subprocess
from pathlib import Path

import pytest

from queueing import __main__ as slurm_test
from queueing import runs
from queueing.runs import Done, cpu_of_jobs

SAID = """\
Job 5 has been submitted with SLURM jobid 1 (log: .snakemake/slurm_logs/group_lookup_lock_preflight/1.log).
Job 6 has been submitted with SLURM jobid 2 (log: .snakemake/slurm_logs/rule_pretrain/pretrain-fold0-seed0/2.log).
failed: split: mgi split: no
"""


def test_the_jobs_of_a_run_and_its_last_line_are_read() -> None:
    done = Done(code=1, said=SAID, cpu_s=0.0)
    assert done.queue_jobs == ["group_lookup_lock_preflight", "rule_pretrain"]
    assert done.last == "failed: split: mgi split: no"


def test_cpu_is_summed_over_the_steps_and_not_over_the_job_that_holds_them(monkeypatch: pytest.MonkeyPatch) -> None:
    told = "1|01:00:00\n1.batch|00:01.500\n1.0|1-01:00:02\n2|00:00:00\n2.batch|01:00.000"
    monkeypatch.setattr(runs, "slurm", lambda *_: told)
    assert cpu_of_jobs({}, ["1", "2"]) == 1.5 + 90002 + 60


def test_a_machine_that_lacks_something_is_told_what_and_nothing_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(slurm_test, "lacking", lambda: ["slurmctld"])
    monkeypatch.setattr(subprocess, "Popen", None)
    monkeypatch.setattr("sys.argv", ["queueing", "--folder", str(tmp_path / "none")])
    assert slurm_test.main() == 0
    assert "lacks slurmctld" in capsys.readouterr().out
    assert not (tmp_path / "none").exists()


def test_only_files_that_do_not_tell_of_the_run_are_compared() -> None:
    one = {"tables/split.tsv": "a", "runs/unet/run.json": "b", "report.html": "c"}
    assert slurm_test._differing(one, {**one, "report.html": "d"}) == []
    assert slurm_test._differing(one, {"tables/split.tsv": "e"}) == ["tables/split.tsv"]
