"""What every job's shell begins with, and what the user's own files become."""

import contextlib
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from snakemake.io import is_flagged

from lib.jobs import (
    after_another,
    grows,
    memory_kept,
    nodes_of,
    processes_per_node,
    shell_prefix,
    torchrun,
    training_gpus,
    training_threads,
)
from lib.supplied import (
    archive_files,
    archive_option,
    existing,
    gene_list,
    option,
    own,
)

ROOT = Path(__file__).parents[2]


def test_the_prefix_survives_formatting_and_odd_folders() -> None:
    prefix = shell_prefix(Path("/a b/{c}'d"), isolated=False).format()
    command = f"{prefix} printf '%s\\n' \"$PYTHONPATH\"; command -v python; false | true; echo reached"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == ["/a b/{c}'d", str(Path(sys.executable).parent / "python")]
    assert done.returncode == 1


def test_every_job_that_may_get_a_gpu_keeps_its_memory() -> None:
    rules = [
        rule
        for file in (ROOT / "workflow/rules").glob("*.smk")
        for rule in re.split(r"^rule ", file.read_text(), flags=re.M)
    ]
    computing = [rule for rule in rules if "mgi.core.gpu_lease" in rule]
    assert len(computing) >= 6
    kept = [rule for rule in computing if "memory=memory_kept()" in rule and "export {params.memory}\n" in rule]
    assert kept == computing


STEPS = """
import resource, torch
for step in range(20):
    torch.ones(40 << 18), torch.ones(5 << 18)  # 40 and 5 MiB
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_minflt if step == 9 else locals().get("faults")
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - faults)
"""


def test_memory_that_a_step_frees_is_there_for_the_next() -> None:
    def faults(settings: str) -> int:
        command = f"export X=0 {settings}; exec {shlex.quote(sys.executable)} -c {shlex.quote(STEPS)}"
        return int(subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True).stdout)

    assert 10 * faults(memory_kept()) < faults("")


ANSWERS = """
import os, signal, sys, time
def answer(number, _):
    time.sleep(0.3)
    print("answered", flush=True)
    sys.exit(75)
signal.signal(signal.SIGTERM, answer)
signal.signal(signal.SIGUSR1, answer)
open("ready", "w").close()
time.sleep(60)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_a_signal_to_all_leaves_the_command_its_last_words_and_its_exit_code(number: int, tmp_path: Path) -> None:
    prefix = shell_prefix(Path("/src"), isolated=False).format()
    script = f"{prefix} exec &> >(tee log); python -c {shlex.quote(ANSWERS)}; echo reached"
    with subprocess.Popen(["bash", "-c", script], cwd=tmp_path, start_new_session=True) as job:
        while not (tmp_path / "ready").exists():
            time.sleep(0.01)
        os.killpg(job.pid, number)
        assert job.wait() == 75
    deadline = time.monotonic() + 30
    while not (said := (tmp_path / "log").read_text()) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert said == "answered\n"


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


def test_the_simulated_archive_is_an_input_only_where_there_is_one() -> None:
    assert archive_files({"simulation": None}) == []
    assert archive_files({"simulation": {"seed": 1}}) == ["<local_results>/archive/archive.json"]
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


def settings_of(processes: int, gpu: int = 1, nodes: int = 1) -> dict[str, Any]:
    stage = {"processes": processes}
    return {"pretrain": stage, "finetune": stage, "compute": {"gpu": gpu, "threads": 4, "nodes": nodes}}


SIGNALLED = ["--signals-to-handle", "SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1"]


@pytest.mark.parametrize("stage", ["pretrain", "finetune"])
def test_one_process_is_started_plainly_and_several_by_torchrun_with_a_gpu_each(stage: str) -> None:
    one, three, on_cpu = settings_of(1), settings_of(3), settings_of(3, gpu=0)
    assert (torchrun(one, stage), training_gpus(one, stage), training_threads(one, stage)) == ([], 1, 4)
    assert torchrun(three, stage) == [
        "torchrun", *SIGNALLED, "--standalone", "--nproc-per-node", "3", "--no-python", "--",
    ]  # fmt: skip
    assert (training_gpus(three, stage), training_threads(three, stage), nodes_of(three, stage)) == (3, 12, 1)
    assert (training_gpus(on_cpu, stage), training_threads(on_cpu, stage)) == (0, 4)


def test_on_several_machines_srun_starts_a_torchrun_on_each_and_they_meet_at_the_first() -> None:
    config = settings_of(8, nodes=2)
    assert (nodes_of(config, "finetune"), processes_per_node(config, "finetune")) == (2, 4)
    assert (training_gpus(config, "finetune"), training_threads(config, "finetune")) == (8, 16)
    line = torchrun(config, "finetune")
    assert line[:7] == ["srun", "--nodes", "2", "--ntasks-per-node", "1", "bash", "-c"]
    assert line[7] == (
        'exec torchrun --nnodes "$SLURM_NNODES" --nproc-per-node 4 '
        "--signals-to-handle SIGTERM,SIGINT,SIGHUP,SIGQUIT,SIGUSR1 "
        '--rdzv-id "$SLURM_JOB_ID" --rdzv-backend c10d --rdzv-endpoint '
        '"$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1):$((20000 + SLURM_JOB_ID % 20000))" '
        '--rdzv-conf "is_host=$((SLURM_NODEID == 0))" --no-python -- "$@"'
    )
    assert nodes_of(settings_of(1, nodes=2), "finetune") == 1  # one process has one machine


MEETS = """
import os
from mgi.training.distributed import processes
with processes(on_gpu=False) as group:
    found = group.any(group.rank == 1)
    os.write(1, f"{group.rank} of {group.size} {found}\\n".encode())
"""


def free_job() -> str:
    """A job's number whose port is free."""
    for number in range(os.getpid() % 10000, 20000):
        with contextlib.suppress(OSError), socket.socket() as trial:
            trial.bind(("127.0.0.1", 20000 + number))
            return str(number)
    raise OSError("no free port")


def test_a_process_on_each_of_two_machines_meet(tmp_path: Path) -> None:
    scontrol = tmp_path / "scontrol"
    scontrol.write_text("#!/bin/sh\necho 127.0.0.1\n")
    scontrol.chmod(0o700)
    here = torchrun(settings_of(2, nodes=2), "pretrain")[5:]
    python = Path(sys.executable).parent
    env = os.environ | {
        "PATH": f"{tmp_path}:{python}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1",
        "SLURM_JOB_ID": free_job(), "SLURM_NNODES": "2", "SLURM_JOB_NODELIST": "a[1-2]",
    }  # fmt: skip
    nodes = [
        subprocess.Popen(
            [*here, "python", "-c", MEETS], env=env | {"SLURM_NODEID": str(number)}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        for number in range(2)
    ]  # fmt: skip
    said = [node.communicate(timeout=600) for node in nodes]
    assert [node.returncode for node in nodes] == [0, 0], said
    assert sorted(line for out, _ in said for line in out.splitlines()) == ["0 of 2 True", "1 of 2 True"]


def test_memory_and_time_grow_with_each_attempt_in_every_rule() -> None:
    assert [grows(2000)(None, attempt) for attempt in (1, 2, 3)] == [2000, 4000, 6000]
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        fixed = re.findall(r"^ +(?:mem_mb|runtime)=(?!grows\().*$", path.read_text(), re.MULTILINE)
        assert fixed == [], path.name
