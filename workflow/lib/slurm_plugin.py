"""What the SLURM executor plugin (2.8.0) leaves undone, put right in Snakemake's own process.

- sacct says `CANCELLED by 1000`, a state that the plugin does not know: it waits for ever. Its first word is taken.
- A job that waits is silent. Its reason is said once, and a job that can never start is cancelled.
- Each job starts Snakemake twice, the first time for no more than srun. Here the job calls srun itself.
- Without `--nodes=1` the GPUs of a job may lie on several machines.
- A group asks for the sum of its jobs' times. The profile's limit (`resources: runtime=...`) caps the sum as well.
- A job that asks for a GPU goes to the partition that the resource `gpu_partition` names.
- It asks for states ever more seldom, down to every three minutes; here every minute.
- How a job ended is said in a line, which Snakemake leaves out of groups, and kept for the last lines of the run.
"""

import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from .slurm import PENDING, Ended, complaints, how_it_ended, limited, partition_of, plain_state, step

PLUGIN = "snakemake_executor_plugin_slurm"
PATIENCE_S = 60
LONGEST_PAUSE_S = 60

_ended: dict[Any, Ended] = {}
_never: dict[str, str] = {}


def ended(job: Any) -> Ended | None:
    """How a failed job or group ended; None where SLURM had no part in it."""
    return _ended.get(job)


def mend(longest: Callable[[], int | None]) -> None:
    """Put the plugin right where it is installed; `longest` gives the most minutes of a job, once the profile is read.

    The plugin looks up each of these names when it calls them, so that they can be replaced.
    """
    plugin: Any = sys.modules.get(PLUGIN)
    if plugin is None or hasattr(plugin, "mended"):
        return
    plugin.mended = True
    plugin.query_job_status = _with_plain_states(plugin.query_job_status)
    plugin.get_submit_command = _with_limits(plugin.get_submit_command, longest)
    executor = plugin.Executor
    executor.format_job_exec = _as_step(executor.format_job_exec)
    executor.additional_general_args = _without_second_snakemake(executor.additional_general_args)
    executor.get_partition_arg = _of_gpus(executor.get_partition_arg)
    executor.report_job_error = _remembering(executor.report_job_error)
    pause = executor.next_seconds_between_status_checks
    executor.next_seconds_between_status_checks = pause.setter(
        lambda self, seconds: pause.fset(self, seconds and min(seconds, LONGEST_PAUSE_S))
    )


def _with_plain_states(query: Any) -> Any:
    said: set[str] = set()

    async def query_job_status(command: str, logger: Any) -> tuple[dict[str, str] | None, float | None]:
        found, took = await query(command, logger)
        states = None if found is None else {number: plain_state(state) for number, state in found.items()}
        if "PENDING" in (states or {}).values():
            run = shlex.split(command)[-1]
            sentences, hopeless = complaints(_output("squeue", "-h", "-t", "PD", "-n", run, "-o", PENDING), said)
            for sentence in sentences:
                logger.error(sentence)
            if hopeless:
                _never.update(hopeless)
                _output("scancel", *hopeless)
        return states, took

    return query_job_status


def _with_limits(command_of: Any, longest: Callable[[], int | None]) -> Any:
    def get_submit_command(*given: Any, **named: Any) -> str:
        return limited(command_of(*given, **named), longest())

    return get_submit_command


def _as_step(command_of: Any) -> Any:
    def format_job_exec(self: Any, job: Any) -> str:
        command = str(command_of(self, job))
        return command if self.array_jobs else step(command, cpus=job.threads, resources=job.resources)

    return format_job_exec


def _without_second_snakemake(args_of: Any) -> Any:
    def additional_general_args(self: Any) -> str:
        return str(args_of(self)) if self.array_jobs else ""

    return additional_general_args


def _of_gpus(option_of: Any) -> Any:
    def get_partition_arg(self: Any, job: Any) -> str:
        return partition_of(job.resources) or str(option_of(self, job))

    return get_partition_arg


def _remembering(report: Any) -> Any:
    def report_job_error(self: Any, job_info: Any, msg: str | None = None, **named: Any) -> None:
        log = (job_info.aux or {}).get("slurm_logfile")
        how = how_it_ended(msg or "", job_info.external_jobid, log and Path(log))
        if how is not None:
            _ended[job_info.job] = how = replace(how, never=_never.get(how.number, ""))
            self.logger.error(f"{how} (log: {how.log})")  # of a group Snakemake leaves the message out
        report(self, job_info, msg=msg, **named)

    return report_job_error


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE_S, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout
