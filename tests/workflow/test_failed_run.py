"""What a user sees last when a run stops, and a results folder that another run holds."""

import json
import os
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from lib import failures
from lib.failures import culprits, last_words
from lib.jobs import KILLED
from lib.results_lock import this_process
from lib.slurm import Ended

# A closed port stands for an archive that cannot be reached: tests do not leave this machine.
OFFLINE = "results: results/own\nmodalities: {rna: {base_url: 'http://127.0.0.1:9', retry_base_s: 0.0}}\n"
# Imported by the workflow as well, which is to go on.
DIES = "import os\nif 'MGI_PLUGINS' in os.environ:\n    os.kill(os.getpid(), 9)\n"


class Rule:
    name = "lock"


class Job:
    """As much of Snakemake's as is looked at."""

    def __init__(self, log: Path) -> None:
        self.rule, self.log, self.wildcards_dict, self.resources = Rule, [log], {"modality": "rna"}, {"mem_mb": 2000}

    def is_group(self) -> bool:
        return False


class Group(list[Job]):
    """Jobs that SLURM ran as one."""

    def is_group(self) -> bool:
        return True


def test_what_slurm_ended_is_said_with_the_remedy_and_the_log(tmp_path: Path) -> None:
    log, slurm_log = tmp_path / "lock-rna.log", tmp_path / "7.log"
    slurm_log.write_text("srun: error\n")
    said = last_words(Job(log), Ended(state="OUT_OF_MEMORY", number="7", log=slurm_log))
    assert said.startswith("failed: lock modality=rna: SLURM job 7 ran out of memory; the rule's mem_mb is 2000")
    assert "--set-resources lock:mem_mb=4000" in said
    assert said.endswith(f"(log: {slurm_log})")
    log.write_text("mgi lock: own.tsv: empty\n")
    said = last_words(Job(log), Ended(state="FAILED", number="7", log=slurm_log))
    assert said == f"failed: lock modality=rna: mgi lock: own.tsv: empty (log: {log}, {slurm_log})"
    said = last_words(Job(log), Ended(state="CANCELLED", number="7", log=slurm_log))
    assert said.startswith("failed: lock modality=rna: SLURM job 7 was cancelled (log: ")
    log.unlink()
    said = last_words(Job(log), Ended(refusal="no such account", log=log))
    assert said == "failed: lock modality=rna: sbatch refused it: no such account"


def test_of_a_group_the_job_that_its_log_names_is_told_else_the_one_that_wrote_last(tmp_path: Path) -> None:
    logs = [tmp_path / name for name in ("a.log", "b.log", "c.log")]
    group = Group(map(Job, logs))
    assert culprits(group, None) == [group[0]]
    for place, log in enumerate(logs):
        log.write_text("word\n" * (place < 2))
        os.utime(log, (place, place))
    assert culprits(group, None) == [group[1]]
    slurm_log = tmp_path / "7.log"
    slurm_log.write_text(f"Error in rule lock:\n    jobid: 3\n    log: {logs[0]} (check log file(s) for details)\n")
    assert culprits(group, Ended(state="FAILED", number="7", log=slurm_log)) == [group[0]]
    assert culprits(group[2], None) == [group[2]]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a\nmgi lock: own.tsv: empty\nTraceback of another\n", "mgi lock: own.tsv: empty"),
        ("10 %\r20 %\rOSError: \x1b[31mno\n\n", "OSError:  [31mno"),
        ("", "it ended without a word; it may have been killed"),
    ],
)
def test_the_last_line_of_our_own_is_a_jobs_last_word(tmp_path: Path, text: str, said: str) -> None:
    log = tmp_path / "lock-rna.log"
    log.write_text(text, newline="")
    assert last_words(Job(log)) == f"failed: lock modality=rna: {said} (log: {log})"
    log.unlink()
    assert "ended without a word" in last_words(Job(log))


@pytest.mark.parametrize(
    "text",
    [
        f"{KILLED}\n",
        "  exitcode  : -9 (pid: 7)\n",
        "RuntimeError: DataLoader worker (pid 7) is killed by signal: Killed.\n",
    ],
)
def test_a_kill_by_the_system_is_named_with_what_the_rule_asks_for(tmp_path: Path, text: str) -> None:
    log = tmp_path / "lock-rna.log"
    log.write_text(f"mgi lock: a line before\n{text}more\n")
    said = last_words(Job(log))
    assert "memory" in said
    assert "mem_mb is 2000" in said
    assert "--set-resources lock:mem_mb=4000" in said


@pytest.mark.parametrize(
    "text", ["mgi shard: out of memory (x): do this", "  what():  std::bad_alloc\nAborted", "MemoryError"]
)
def test_memory_that_a_library_lacks_is_said_with_what_the_rule_asks_for(tmp_path: Path, text: str) -> None:
    log = tmp_path / "lock-rna.log"
    log.write_text(text)
    said = last_words(Job(log))
    assert text.splitlines()[0].strip() in said
    assert "the rule's mem_mb is 2000" in said


def test_a_disk_without_room_for_the_log_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = tmp_path / "lock-rna.log"
    log.touch()
    monkeypatch.setattr(failures, "FULL_BYTES", 1 << 60)
    assert "; the disk of its log is full, " in last_words(Job(log))


def test_the_one_good_line_of_a_failed_job_stands_last(tree: Path, snakemake: Any) -> None:
    (tree / "own.yaml").write_text(OFFLINE)
    stopped = snakemake(tree, "--cores", "1", "--configfile", "own.yaml")
    assert stopped.returncode != 0
    last = stopped.stdout.splitlines()[-1]
    assert last.startswith("failed: preflight: mgi preflight: ")
    assert last.endswith("(log: results/own/logs/preflight.log)")
    assert not (tree / "results/own/.run.lock").exists()


def test_a_killed_job_is_said_to_be_one(tree: Path, snakemake: Any) -> None:
    (tree / "dies.py").write_text(DIES)
    (tree / "own.yaml").write_text(f"{OFFLINE}plugins: [dies.py]\n")
    stopped = snakemake(tree, "--cores", "1", "--configfile", "own.yaml")
    last = stopped.stdout.splitlines()[-1]
    assert last.startswith("failed: preflight: killed by the system (SIGKILL)")
    assert re.search(r"the rule's mem_mb is \d+", last)
    assert "Traceback" not in stopped.stdout


def test_a_folder_that_another_run_holds_is_refused_before_any_job_but_not_to_a_dry_run(
    tree: Path, snakemake: Any
) -> None:
    (tree / "own.yaml").write_text(OFFLINE)
    lock = tree / "results/own/.run.lock"
    lock.parent.mkdir(parents=True)
    lock.write_text(json.dumps(asdict(replace(this_process(), host="elsewhere"))))
    options = ("--cores", "1", "--configfile", "own.yaml")
    stopped = snakemake(tree, *options)
    assert stopped.returncode != 0
    assert "results/own: in use by process " in stopped.stdout
    assert " on elsewhere since " in stopped.stdout
    assert "Traceback" not in stopped.stdout
    assert list(lock.parent.iterdir()) == [lock]
    assert snakemake(tree, *options, "-n").returncode == 0
