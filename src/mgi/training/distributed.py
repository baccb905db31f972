"""Several processes that train one model, each on its part of every batch: the numbers are those of one process.

Every process draws the same whole batch and encodes its own part. What the parts give is gathered, so that each process
holds the loss of the whole batch. Its gradient runs into the own part alone, times the number of processes; the mean of
all processes' gradients is then that of the loss, for what comes before the gathering and for what comes after it.
"""

import os
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch._C._distributed_c10d import Store
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from mgi.core.errors import BadInputError, ConfigError, MgiError, ResourceError

PATIENCE = timedelta(minutes=60)  # the others wait while the first one validates and writes
_FAILURE = "mgi/failure"


@dataclass(frozen=True, kw_only=True)
class Group:
    """This process among `size` of them; `rank` 0 writes."""

    rank: int = 0
    size: int = 1

    @property
    def leads(self) -> bool:
        """Whether this process writes and reports."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """This process's part of `count` items in order; parts differ by one at most."""
        return self.parts(count)[self.rank]

    def parts(self, count: int) -> list[slice]:
        """The parts of all processes."""
        bounds = [count * rank // self.size for rank in range(self.size + 1)]
        return [slice(start, stop) for start, stop in pairwise(bounds)]

    def gather(self, rows: Tensor, counts: Sequence[int]) -> Tensor:
        """All processes' rows one after another, of which each gave `counts[rank]`; gradients run into the own ones."""
        if self.size == 1:
            return rows
        gathered: Tensor = _Gather.apply(rows, list(counts), self.rank)  # type: ignore[no-untyped-call]
        return gathered

    def total(self, part: Tensor) -> Tensor:
        """The sum of a scalar over all processes; gradients run into the own part."""
        return part if self.size == 1 else self.gather(part.reshape(1), [1] * self.size).sum()

    def of_first(self, numbers: Sequence[float]) -> list[float]:
        """The first process's numbers, of which every process gives as many."""
        if self.size == 1:
            return list(numbers)
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        told = torch.tensor(numbers, dtype=torch.float64, device=device)
        dist.broadcast(told, 0)
        return [float(one) for one in told.tolist()]

    def start_alike(self, model: nn.Module) -> None:
        """Give every process the weights of the first."""
        if self.size > 1:
            for tensor in model.state_dict().values():
                dist.broadcast(tensor, 0)

    def average_gradients(self, parameters: Sequence[nn.Parameter]) -> None:
        """Replace each gradient by its mean over the processes, in one exchange.

        A process whose part of the batch leaves a parameter out counts as 0; one that all leave out keeps no gradient.
        """
        if self.size == 1:
            return
        here = [float(parameter.grad is not None) for parameter in parameters]
        anywhere = torch.tensor(here, device=parameters[0].device)
        dist.all_reduce(anywhere, dist.ReduceOp.MAX)
        learning = [one for one, used in zip(parameters, anywhere.tolist(), strict=True) if used]
        for parameter in learning:
            parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        gradients = [one.grad for one in learning if one.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        dist.all_reduce(flat)
        flat /= self.size
        start = 0
        for gradient in gradients:
            gradient.copy_(flat[start : start + gradient.numel()].view_as(gradient))
            start += gradient.numel()

    def any(self, here: bool) -> bool:
        """Whether it is so in any of the processes; all must ask."""
        if self.size == 1:
            return here
        device = "cuda" if dist.get_backend() == "nccl" else "cpu"
        found = torch.tensor(float(here), device=device)
        dist.all_reduce(found, dist.ReduceOp.MAX)
        return bool(found.item())

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.size > 1:
            dist.barrier()

    def agree(self, step: int) -> None:
        """Wait for all and raise BadInputError unless they are to begin at the same step."""
        if self.size == 1:
            return
        steps: list[Any] = [None] * self.size
        dist.all_gather_object(steps, step)
        if len(set(steps)) > 1:
            raise BadInputError(f"checkpoints: processes would resume at steps {steps}; they must see one folder")


ALONE = Group()


def require_processes(asked: int, group: Group, section: str) -> None:
    """Raise ConfigError unless as many processes were started as the config section asks for, or it asks for one."""
    if asked not in (1, group.size):
        raise ConfigError(
            f"{section}.processes: found {asked}, but started as {group.size}; "
            f"start it by torchrun --nproc-per-node {asked}"
        )


class _Gather(torch.autograd.Function):
    """Rows of all processes, of which each may give another number; they are padded, as gloo wants equal sizes."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor, counts: list[int], rank: int) -> Tensor:
        ctx.size, ctx.start, ctx.count = len(counts), sum(counts[:rank]), counts[rank]
        padded = rows.new_zeros(max(counts), *rows.shape[1:])
        padded[: len(rows)] = rows
        parts = [torch.empty_like(padded) for _ in counts]
        dist.all_gather(parts, padded)
        return torch.cat([part[:count] for part, count in zip(parts, counts, strict=True)])

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        return gradients[0][ctx.start : ctx.start + ctx.count] * ctx.size, None, None


@contextmanager
def processes(*, on_gpu: bool) -> Iterator[Group]:
    """The processes that torchrun started, or this one alone: nccl where each is to have a GPU, else gloo.

    Where one fails, the first says why, with its rank, and all end with its exit code.
    """
    if int(os.environ.get("WORLD_SIZE", "1")) == 1:
        yield ALONE
        return
    threading.Thread(target=_end_with, args=(os.getppid(),), daemon=True).start()
    # torchrun's own agent holds the store, so that it outlives any of the processes.
    store, rank, size = next(rendezvous("env://", timeout=PATIENCE))
    group = Group(rank=rank, size=size)
    try:
        with _exchange(PrefixStore("mgi/exchange", store), group, on_gpu=on_gpu):
            yield group
    except MgiError as error:
        named = MgiError(f"rank {rank}: {error}")
        named.exit_code = error.exit_code
        raise _first_of_all(store, group, named, error.exit_code) from None
    except OSError as error:
        raise _first_of_all(store, group, error, ResourceError.exit_code) from None
    except RuntimeError as error:
        if not isinstance(error, dist.DistError) and "gloo" not in str(error):
            raise  # of our own making: its traceback is wanted
        lost = ResourceError(f"rank {rank}: another process is gone ({str(error).splitlines()[0]})")
        raise _first_of_all(store, group, lost, ResourceError.exit_code) from None
    except KeyboardInterrupt:
        if group.leads:
            raise
        raise SystemExit(130) from None


def _end_with(parent: int) -> None:
    """End when torchrun does, however that ends: a process that it leaves behind would keep the memory and write."""
    while os.getppid() == parent:
        time.sleep(1)
    sys.stderr.write("torchrun is gone, and its processes end with it\n")
    os._exit(ResourceError.exit_code)


@contextmanager
def _exchange(store: Store, group: Group, *, on_gpu: bool) -> Iterator[None]:
    options: dict[str, Any] = {"backend": "gloo"}
    if on_gpu:
        device = gpu_of_process()
        torch.cuda.set_device(device)
        options = {"backend": "nccl", "device_id": device}
    dist.init_process_group(store=store, rank=group.rank, world_size=group.size, timeout=PATIENCE, **options)
    yield
    dist.barrier()  # who leaves early breaks the last exchange of the others
    dist.destroy_process_group()


def gpu_of_process() -> torch.device:
    """The GPU of this one of the processes that torchrun started here; raises ResourceError where there are fewer."""
    found, asked = torch.cuda.device_count(), int(os.environ["LOCAL_WORLD_SIZE"])
    if found < asked:
        more = "snakemake --resources gpu=N allows a run more"
        raise ResourceError(f"{asked} processes on this machine find {found} GPUs, expected one for each; {more}")
    return torch.device("cuda", int(os.environ["LOCAL_RANK"]))


def _first_of_all(store: Store, group: Group, error: Exception, exit_code: int) -> BaseException:
    """This error where it is the first of all processes, else a silent end with the exit code of the first."""
    try:
        found = store.compare_set(_FAILURE, "", f"{group.rank}:{exit_code}").decode()
    except RuntimeError:  # torchrun is gone
        return SystemExit(exit_code)
    first, code = found.split(":")
    return error if int(first) == group.rank else SystemExit(int(code))
