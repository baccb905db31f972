"""Layers whose result depends on the whole batch, where each of several processes has a part of it.

Batch norm takes the statistics of all parts, and dropout draws for all and takes its own, so that each slice comes out
as it does in one process. torch's SyncBatchNorm does the first on a GPU alone. Layers keep their parameters, buffers
and names: a checkpoint fits either way.
"""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn

from mgi.training.distributed import Group


def share_layers(model: nn.Module, group: Group, batch: int) -> None:
    """Replace, in place, batch norm and dropout by those over `batch` slices of which each process has its share."""
    if group.size == 1:
        return
    for parent in list(model.modules()):
        for name, layer in parent.named_children():
            if isinstance(layer, nn.modules.batchnorm._BatchNorm):
                setattr(parent, name, SharedBatchNorm(layer, batch))
            elif isinstance(layer, nn.modules.dropout._DropoutNd) and layer.p > 0:
                setattr(parent, name, SharedDropout(layer.p, group, batch))


class SharedBatchNorm(nn.Module):
    """Batch norm over (N, C, ...) of which this process has n of N slices; in evaluation as the layer it replaces.

    timm's batch norm holds the activation that follows it; so does this one then.
    """

    weight: nn.Parameter | None
    bias: nn.Parameter
    running_mean: Tensor | None
    running_var: Tensor
    num_batches_tracked: Tensor

    def __init__(self, layer: nn.modules.batchnorm._BatchNorm, batch: int) -> None:
        super().__init__()
        self._parameters, self._buffers = layer._parameters, layer._buffers
        self.training = layer.training
        self.batch, self.eps, self.momentum = batch, layer.eps, layer.momentum
        self.after = nn.Sequential(*(getattr(layer, name) for name in ("drop", "act") if hasattr(layer, name)))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise each channel."""
        normalised: Tensor = self.after(self._by_batch(x) if self.training else self._by_running(x))
        return normalised

    def _by_running(self, x: Tensor) -> Tensor:
        statistics = (self.running_mean, self.running_var)
        return nn.functional.batch_norm(x, *statistics, self.weight, self.bias, False, 0.0, self.eps)

    def _by_batch(self, x: Tensor) -> Tensor:
        axes = [axis for axis in range(x.ndim) if axis != 1]
        shape = [1, -1] + [1] * (x.ndim - 2)
        count = self.batch * x[0, 0].numel()  # numbers of a channel in the whole batch
        mean = _total(x.float().sum(axes)) / count  # C
        centred = x.float() - mean.view(shape)
        variance = _total(centred.square().sum(axes)) / count  # C
        self._note(mean.detach(), variance.detach() * count / (count - 1))
        scaled = centred * torch.rsqrt(variance + self.eps).view(shape)
        if self.weight is not None:
            scaled = scaled * self.weight.view(shape) + self.bias.view(shape)
        return scaled.to(x.dtype)

    @torch.no_grad()
    def _note(self, mean: Tensor, variance: Tensor) -> None:
        """Take the batch into the running statistics."""
        if self.running_mean is None:
            return
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.lerp_(mean, share)
        self.running_var.lerp_(variance, share)


class SharedDropout(nn.Module):
    """Dropout that draws for all slices of the batch, alike in each process, and takes this process's part."""

    def __init__(self, p: float, group: Group, batch: int) -> None:
        super().__init__()
        self.p, self.group, self.batch = p, group, batch

    def forward(self, x: Tensor) -> Tensor:
        """Drop elements (n, ...)."""
        if not self.training:
            return x
        order = torch.channels_last if x.ndim == 4 and x.is_contiguous(memory_format=torch.channels_last) else None
        whole = torch.empty((self.batch, *x.shape[1:]), dtype=x.dtype, device=x.device)
        whole = whole if order is None else whole.contiguous(memory_format=order)
        kept = whole.bernoulli_(1 - self.p)[self.group.share(self.batch)]
        return x * kept / (1 - self.p)


def _total(part: Tensor) -> Tensor:
    total: Tensor = _Total.apply(part)  # type: ignore[no-untyped-call]
    return total


class _Total(torch.autograd.Function):
    """The sum over all processes; each gives back what all have made of it, summed."""

    @staticmethod
    def forward(ctx: Any, part: Tensor) -> Tensor:
        total = part.clone()
        dist.all_reduce(total)
        return total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor]:
        total = gradients[0].contiguous().clone()
        dist.all_reduce(total)
        return (total,)
