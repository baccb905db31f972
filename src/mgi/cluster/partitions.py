"""A cluster's partitions and a user's accounts, from the text of `sinfo` and `sacctmgr`."""

import re
from dataclasses import dataclass

from mgi.core.errors import BadInputError

SINFO = ("sinfo", "--noheader", "--exact", "--format=%P|%a|%l|%c|%m|%G")
"""A line for each kind of node of each partition."""
SACCTMGR = ("sacctmgr", "--noheader", "--parsable2", "show", "associations", "format=Account")
"""A line for each account; a user and a place follow."""
SACCT = ("sacct", "--noheader", "--allocations", "--starttime=now")
"""Fails where the site keeps no accounts of its jobs."""
_FIELDS = ("partition", "availability", "time limit", "CPUs", "memory", "GRES")
_TIME = re.compile(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)")
# With a type and without: gpu:a100:4(S:0-1), gpu:2.
_GPUS = re.compile(r"(?:^|,)gpu(?::([^:,(]+))??(?::(\d+))?(?:\([^)]*\))?(?=,|$)")


@dataclass(frozen=True, kw_only=True)
class NodeKind:
    """Nodes of one kind in a partition, and what they give one job.

    `minutes` is None where there is no limit. `gpus` counts by type, which is empty where SLURM names none.
    """

    partition: str
    is_default: bool
    is_up: bool
    minutes: int | None
    cpus: int
    mem_mb: int
    gpus: dict[str, int]

    @property
    def n_gpus(self) -> int:
        """GPUs of a node, of all types."""
        return sum(self.gpus.values())


def node_kinds(text: str) -> list[NodeKind]:
    """What the lines of SINFO say.

    Raises BadInputError for a line that `sinfo` cannot have written, and where there is none.
    """
    kinds = [_kind(number, line) for number, line in enumerate(text.splitlines(), start=1) if line.strip()]
    if not kinds:
        raise BadInputError("sinfo: found no partition, expected one or more")
    return kinds


def minutes_of(limit: str) -> int | None:
    """Minutes of a time limit such as 2-00:00:00, 12:00:00 or 30:00; None for one without end.

    Raises ValueError for other text.
    """
    if limit in ("infinite", "UNLIMITED", "n/a"):
        return None
    found = _TIME.fullmatch(limit)
    if found is None:
        raise ValueError(f"no time limit: {limit!r}")
    days, hours, minutes, _ = (int(part or 0) for part in found.groups())
    return (days * 24 + hours) * 60 + minutes


def gpus_of(gres: str) -> dict[str, int]:
    """GPUs by type of a node's generic resources; other resources are left out."""
    counts: dict[str, int] = {}
    for kind, count in _GPUS.findall(gres):
        # "gpu:2" has a number in the place of a type.
        name, number = ("", int(kind)) if kind.isdigit() and not count else (kind, int(count or 1))
        counts[name] = counts.get(name, 0) + number
    return counts


def accounts_of(text: str) -> list[str]:
    """The accounts that the lines of SACCTMGR name, each once, in their order; empty where the site has none."""
    return list(dict.fromkeys(line.split("|")[0].strip() for line in text.splitlines() if line.split("|")[0].strip()))


def _kind(number: int, line: str) -> NodeKind:
    fields = line.strip().split("|")
    if len(fields) != len(_FIELDS):
        raise BadInputError(f"sinfo: line {number}: found {line.strip()!r}, expected {' | '.join(_FIELDS)}")
    name, up, limit, cpus, memory, gres = fields
    try:
        # A plus sign behind a number says that some nodes have more.
        sizes = int(cpus.rstrip("+")), int(memory.rstrip("+"))
        minutes = minutes_of(limit)
    except ValueError:
        raise BadInputError(
            f"sinfo: line {number}: found {limit!r}, {cpus!r} and {memory!r}, expected a time limit, CPUs and megabytes"
        ) from None
    return NodeKind(
        partition=name.rstrip("*"),
        is_default=name.endswith("*"),
        is_up=up == "up",
        minutes=minutes,
        cpus=sizes[0],
        mem_mb=sizes[1],
        gpus=gpus_of(gres),
    )
