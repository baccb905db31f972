"""Which rules ask for more than a cluster gives, and the lines that its profile needs."""

from collections.abc import Callable, Iterable, Sequence

from mgi.cluster.partitions import NodeKind
from mgi.cluster.requests import Request

_RESOURCES: dict[str, tuple[Callable[[Request], int], Callable[[NodeKind], int | None]]] = {
    "min": (lambda request: request.minutes, lambda kind: kind.minutes),
    "MB": (lambda request: request.mem_mb, lambda kind: kind.mem_mb),
    "CPUs": (lambda request: request.cpus, lambda kind: kind.cpus),
    "GPUs": (lambda request: request.gpus, lambda kind: kind.n_gpus),
}
MOST_CPUS = 8
"""CPUs of a queue job, as the profile that ships has it."""


def excesses(requests: Iterable[Request], kinds: Sequence[NodeKind]) -> list[str]:
    """A sentence for each rule that fits on no kind of node that is up."""
    up = [kind for kind in kinds if kind.is_up]
    return [_excess(request, up) for request in requests if not any(fits(request, kind) for kind in up)]


def fits(request: Request, kind: NodeKind) -> bool:
    """Whether a node of this kind gives a job all that it asks for."""
    return not _beyond(request, kind)


def profile_lines(
    requests: Sequence[Request], kinds: Sequence[NodeKind], accounts: Sequence[str], *, has_sacct: bool
) -> list[str]:
    """Lines of the profile: where jobs go, in whose name, the most that a retry asks for, and who tells of states."""
    up = [kind for kind in kinds if kind.is_up]
    plain = [one for one in requests if not one.gpus]
    # Nodes with GPUs are for those who ask for one, where there are others.
    partition = _best(plain, [kind for kind in up if not kind.gpus] or up)
    used = [partition] if partition else []
    lines = ["default-resources:"]
    lines += [f"  slurm_partition: {partition}"] if partition else []
    lines += [f"  slurm_account: {accounts[0]}"] if accounts else []
    if len(plain) < len(requests) and (gpu_partition := _best([one for one in requests if one.gpus], up)):
        lines.append(f"  gpu_partition: {gpu_partition}")
        used.append(gpu_partition)
    lines = lines if len(lines) > 1 else []
    lines += [] if has_sacct else ["slurm-status-command: squeue"]
    return lines + _limits([kind for kind in up if kind.partition in used])


def _limits(kinds: Sequence[NodeKind]) -> list[str]:
    """The largest node of each partition counts, and of the partitions the one that gives least."""
    partitions = {kind.partition: [one for one in kinds if one.partition == kind.partition] for kind in kinds}
    if not partitions:
        return []
    minutes = [kind.minutes for kind in kinds if kind.minutes is not None]
    memory = min(max(kind.mem_mb for kind in several) for several in partitions.values())
    cpus = min(max(kind.cpus for kind in several) for several in partitions.values())
    limits = ['"net=2"', *([f'"runtime={min(minutes)}"'] if minutes else []), f'"mem_mb={memory}"']
    return [f"resources: [{', '.join(limits)}]", *([f"cores: {cpus}"] if cpus < MOST_CPUS else [])]


def _best(requests: Sequence[Request], kinds: Sequence[NodeKind]) -> str | None:
    """The partition on which most of the requests fit; of equals the default one, then the first."""
    names = dict.fromkeys(kind.partition for kind in sorted(kinds, key=lambda kind: not kind.is_default))
    on = {name: [kind for kind in kinds if kind.partition == name] for name in names}
    return max(names, key=lambda name: sum(any(fits(one, kind) for kind in on[name]) for one in requests), default=None)


def _beyond(request: Request, kind: NodeKind) -> list[str]:
    """The names of what the request asks too much of."""
    asked = {name: (of_request(request), of_kind(kind)) for name, (of_request, of_kind) in _RESOURCES.items()}
    return [name for name, (wanted, given) in asked.items() if given is not None and wanted > given]


def _excess(request: Request, kinds: Sequence[NodeKind]) -> str:
    too_much = []
    for name, (of_request, of_kind) in _RESOURCES.items():
        given = [limit for limit in map(of_kind, kinds) if limit is not None]
        if len(given) == len(kinds) and of_request(request) > max(given, default=0):
            too_much.append(f"{of_request(request)} {name}, found at most {max(given, default=0)}")
    asked = ", ".join(f"{of_request(request)} {name}" for name, (of_request, _) in _RESOURCES.items())
    return f"{request.rule}: asks for {'; '.join(too_much) or f'{asked}, which no partition gives together'}"
