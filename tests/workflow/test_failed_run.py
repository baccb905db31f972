"""What a user sees last when a run stops, and a results folder that another run holds."""

import json
import re
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from lib import failures
from lib.failures import last_words
from lib.jobs import KILLED
from lib.results_lock import this_process

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
