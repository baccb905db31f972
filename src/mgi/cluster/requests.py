"""What the jobs of the workflow ask for, by rule, from the text of a dry run."""

import re
from dataclasses import dataclass

from mgi.core.errors import BadInputError

_JOB = re.compile(
    r"^ *(?:local)?rule (\w+):\n(.*?)(?=^ *(?:\[|(?:local)?rule )|^Job stats|\Z)", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True, kw_only=True)
class Request:
    """The most that a job of a rule asks for: minutes, MB, CPUs, GPUs."""

    rule: str
    minutes: int = 0
    mem_mb: int = 0
    cpus: int = 1
    gpus: int = 0


def requests_of(dry_run: str) -> list[Request]:
    """The requests of all rules whose jobs are submitted, in their order; targets have none.

    Raises BadInputError where the text names no job.
    """
    found: dict[str, Request] = {}
    for rule, body in _JOB.findall(dry_run):
        if re.search(r"^ +output: ", body, re.MULTILINE):
            found[rule] = _larger(_request(rule, body), found.get(rule))
    if not found:
        raise BadInputError(f"snakemake: found no job in its dry run, expected some: {dry_run.strip()[-300:]}")
    return list(found.values())


def _request(rule: str, body: str) -> Request:
    line = re.search(r"^ +resources: (.*)$", body, re.MULTILINE)
    given = {name: int(number) for name, number in re.findall(r"(\w+)=(\d+)(?=,|$)", line[1] if line else "")}
    threads = re.search(r"^ +threads: (\d+)$", body, re.MULTILINE)
    return Request(
        rule=rule,
        minutes=given.get("runtime", 0),
        mem_mb=given.get("mem_mb", 0),
        cpus=int(threads[1]) if threads else 1,
        gpus=given.get("gpu", 0),
    )


def _larger(one: Request, other: Request | None) -> Request:
    if other is None:
        return one
    return Request(
        rule=one.rule,
        minutes=max(one.minutes, other.minutes),
        mem_mb=max(one.mem_mb, other.mem_mb),
        cpus=max(one.cpus, other.cpus),
        gpus=max(one.gpus, other.gpus),
    )
