"""What is read of SLURM's words, and that the executor plugin's parts are replaced by ones that hold to it."""

import asyncio
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import yaml

from lib import slurm_plugin
from lib.slurm import Ended, complaints, how_it_ended, limited, partition_of, plain_state, step

ROOT = Path(__file__).parents[2]
PROFILE = yaml.safe_load((ROOT / "profiles/slurm/profile.yaml").read_text())
STATUS = "SLURM-job '7' failed, SLURM status is: '{}'. Reason: Unknown."


@pytest.mark.parametrize(
    ("state", "word"),
    [("CANCELLED by 1000", "CANCELLED"), ("CANCELLED+", "CANCELLED"), ("RUNNING", "RUNNING"), ("", "")],
)
def test_a_state_is_its_first_word(state: str, word: str) -> None:
    assert plain_state(state) == word


def test_a_reason_is_said_once_and_usual_ones_never() -> None:
    said: set[str] = set()
    waiting = "7|Resources|cpu|1:00:00|rule_split\n8|(Nodes required for job are DOWN)|cpu|1:00:00|group_tables\n"
    sentences, hopeless = complaints(waiting, said)
    assert [sentence.split(":")[0] for sentence in sentences] == ["SLURM job 8 (group_tables) waits in partition cpu"]
    assert hopeless == {}
    assert complaints(waiting, said) == ([], {})


def test_a_job_that_can_never_start_is_named_to_be_cancelled() -> None:
    sentences, hopeless = complaints("9|PartitionTimeLimit|cpu|4:00:00|rule_fetch\n", set())
    assert hopeless == {"9": "PartitionTimeLimit"}
    assert "it asks for 4:00:00 and can never start there" in sentences[0]


def test_a_job_lies_on_one_node_and_within_the_longest_time() -> None:
    assert limited("sbatch -t 240 --mem 2000", 60) == "sbatch -t 60 --mem 2000 --nodes=1"
    assert limited("sbatch -t 30 --nodes=2", 60) == "sbatch -t 30 --nodes=2"
    assert limited("sbatch -t 240", None) == "sbatch -t 240 --nodes=1"


def test_a_command_is_one_step_that_has_the_jobs_cpus_and_gpus_but_none_of_its_variables() -> None:
    words = step("python -m snakemake", cpus=4, resources={"gpu": 2}).split()
    assert words[0] == "env"
    assert words[words.index("SLURM_NTASKS") - 1] == "-u"
    assert words[words.index("srun") :] == [
        *("srun", "-n1", "--cpu-bind=q", "--cpus-per-task=4", "--nodes=1", "--gpus=2"),
        *("python", "-m", "snakemake"),
    ]
    assert "--gpus" not in step("x", cpus=1, resources={"gpu": 0})
    assert [step("x", cpus=1, resources=starts) for starts in ({"mpi": "srun"}, {"nodes": 2})] == ["x", "x"]


def test_only_a_job_that_asks_for_a_gpu_goes_to_their_partition() -> None:
    assert partition_of({"gpu": 1, "gpu_partition": "a b"}) == " -p 'a b'"
    assert partition_of({"gpu": 0, "gpu_partition": "gpu"}) == partition_of({"gpu": 1}) == ""


def test_how_a_job_ended_is_read_from_the_plugins_message_and_the_log(tmp_path: Path) -> None:
    log = tmp_path / "7.log"
    assert how_it_ended(STATUS.format("TIMEOUT"), "7", log) == Ended(state="TIMEOUT", number="7", log=log)
    assert str(how_it_ended(STATUS.format("FAILED"), "7", log)) == "SLURM job 7 ended as FAILED"
    log.write_text("slurmstepd: error: Detected 1 oom-kill event(s) in StepId=7.0.\n")
    assert str(how_it_ended(STATUS.format("FAILED"), "7", log)) == "SLURM job 7 ran out of memory"
    assert how_it_ended("something else", "7", log) is None


@pytest.mark.parametrize(
    "message",
    [
        "SLURM sbatch failed. The error message was 'sbatch: error: no such account'.\n    sbatch call:\n  sbatch",
        "Job submission failed with exception: no such account",
    ],
)
def test_a_refusal_is_told_in_sbatchs_words(message: str) -> None:
    assert str(how_it_ended(message, None, None)) == "sbatch refused it: no such account"


class Executor:
    """As much of the plugin's as is replaced."""

    array_jobs: set[str] = set()  # noqa: RUF012
    _pause = 10

    def format_job_exec(self, job: Any) -> str:
        return "python -m snakemake"

    def additional_general_args(self) -> str:
        return "--executor slurm-jobstep"

    def get_partition_arg(self, job: Any) -> str:
        return " -p cpu"

    def report_job_error(self, job_info: Any, msg: str | None = None) -> None:
        self.reported = msg

    @property
    def next_seconds_between_status_checks(self) -> int:
        return self._pause

    @next_seconds_between_status_checks.setter
    def next_seconds_between_status_checks(self, value: int) -> None:
        self._pause = value


@pytest.fixture
def plugin(monkeypatch: pytest.MonkeyPatch) -> Any:
    async def query_job_status(command: str, logger: Any) -> tuple[dict[str, str], float]:
        return {"7": "CANCELLED by 0", "8": "PENDING"}, 0.1

    module: Any = ModuleType(slurm_plugin.PLUGIN)
    module.query_job_status = query_job_status
    module.get_submit_command = lambda *_, **__: "sbatch -t 240"
    module.Executor = type("Executor", (Executor,), dict(vars(Executor)))
    monkeypatch.setitem(sys.modules, slurm_plugin.PLUGIN, module)
    slurm_plugin.mend(lambda: 60)
    slurm_plugin.mend(lambda: 60)  # the workflow is read twice where it has a module
    return module


def test_states_are_plain_and_a_job_that_can_never_start_is_cancelled(plugin: Any, monkeypatch: Any) -> None:
    called, errors = [], []

    def output(*command: str) -> str:
        called.append(command)
        return "8|PartitionTimeLimit|cpu|4:00:00|rule_fetch\n" if command[0] == "squeue" else ""

    monkeypatch.setattr(slurm_plugin, "_output", output)
    query = plugin.query_job_status("sacct -X --name run-id", SimpleNamespace(error=errors.append))
    assert asyncio.run(query) == ({"7": "CANCELLED", "8": "PENDING"}, 0.1)
    assert called[0][:6] == ("squeue", "-h", "-t", "PD", "-n", "run-id")
    assert called[1] == ("scancel", "8")
    assert len(errors) == 1
    executor = plugin.Executor()
    executor.logger = SimpleNamespace(error=errors.append)
    info = SimpleNamespace(job="too long", aux=None, external_jobid="8")
    executor.report_job_error(info, msg=STATUS.format("CANCELLED"))
    assert str(slurm_plugin.ended("too long")) == "SLURM job 8 could never start: PartitionTimeLimit"


def test_the_executors_parts_are_replaced_once(plugin: Any) -> None:
    executor = plugin.Executor()
    job = SimpleNamespace(threads=2, resources={"gpu": 1, "gpu_partition": "gpus"})
    assert plugin.get_submit_command() == "sbatch -t 60 --nodes=1"
    assert executor.format_job_exec(job).count("srun") == 1
    assert executor.additional_general_args() == ""
    assert executor.get_partition_arg(job) == " -p gpus"
    executor.next_seconds_between_status_checks = 180
    assert executor.next_seconds_between_status_checks == slurm_plugin.LONGEST_PAUSE_S
    executor.array_jobs = {"fetch"}
    assert executor.format_job_exec(job) == "python -m snakemake"
    assert executor.additional_general_args() == "--executor slurm-jobstep"


def test_how_a_job_ended_is_said_and_kept_for_the_last_lines(plugin: Any) -> None:
    info = SimpleNamespace(job="a job", aux={"slurm_logfile": Path("7.log")}, external_jobid="7")
    executor, errors = plugin.Executor(), []
    executor.logger = SimpleNamespace(error=errors.append)
    executor.report_job_error(info, msg=STATUS.format("CANCELLED"))
    assert str(slurm_plugin.ended("a job")) == "SLURM job 7 was cancelled"
    assert errors == ["SLURM job 7 was cancelled (log: 7.log)"]
    assert executor.reported == STATUS.format("CANCELLED")
    assert slurm_plugin.ended("another") is None


def test_the_names_that_are_replaced_are_the_plugins() -> None:
    plugin: Any = pytest.importorskip(slurm_plugin.PLUGIN)
    names = ("query_job_status", "get_submit_command")
    parts = ("format_job_exec", "additional_general_args", "get_partition_arg", "report_job_error")
    assert [name for name in names if not hasattr(plugin, name)] == []
    assert [name for name in parts if not hasattr(plugin.Executor, name)] == []


def test_every_rule_of_seconds_belongs_to_a_group_and_no_training_does() -> None:
    long = {"pretrain", "finetune", "shard_volumes", "shard_bags"}  # a large cohort's images take hours
    grouped = {rule for rule, _ in (entry.split("=") for entry in PROFILE["groups"])}
    rules = set()
    for path in (ROOT / "workflow/rules").glob("*.smk"):
        words = path.read_text().split("\n")
        rules |= {line.split()[1].rstrip(":") for line in words if line.startswith("rule ")}
        rules |= {
            line.split(" as ")[1].split()[0] for line in words if line.startswith("use rule ") and "*" not in line
        }
    targets = {"locks", "data", "associations", "train", "evaluation", "record_config"}
    ours = {name for name in grouped if not name.startswith("external_")}
    assert ours == rules - targets - long - {name for name in rules if name.startswith("external_")}
    assert {name.removeprefix("external_") for name in grouped} <= ours


def test_the_profile_needs_no_conda_no_account_and_no_partition() -> None:
    assert "software-deployment-method" not in PROFILE
    assert PROFILE["default-resources"] == {"mem_mb": 2000, "runtime": 60}
    assert "set-resources" not in PROFILE
