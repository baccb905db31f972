import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad, silu

from mgi.scan.convolution import conv_silu
from mgi.scan.interface import why_not


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def by_conv1d(x: Tensor, weight: Tensor, bias: Tensor | None, *, reverse: bool) -> Tensor:
    """torch's own convolution, which correlates forwards: flipped before and after where reversed."""
    ahead = x.flip(1) if reverse else x
    y = silu(conv1d(pad(ahead.transpose(1, 2), (weight.shape[2] - 1, 0)), weight, bias, groups=x.shape[2]))
    return y.transpose(1, 2).flip(1) if reverse else y.transpose(1, 2)


@pytest.mark.parametrize("backend", ["torch", "cpp"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(("length", "channels", "width"), [(20, 8, 4), (3, 5, 4), (1, 3, 4), (9, 16, 1), (40, 9, 3)])
def test_value_and_gradients_are_those_of_conv1d(backend, reverse, length, channels, width) -> None:
    missing = why_not(backend, "cpu")
    if missing is not None:
        pytest.skip(missing)
    x, weight, bias = drawn(2, length, 2 * channels).float()[..., :channels], drawn(channels, 1, width), drawn(channels)
    results = []
    for apply, dtype in ((conv_silu, torch.float32), (by_conv1d, torch.float64)):
        leaves = [tensor.to(dtype).requires_grad_() for tensor in (x, weight, bias)]
        options = {"backend": backend} if apply is conv_silu else {}
        y = apply(*leaves, reverse=reverse, **options)
        weights = drawn(*y.shape, seed=1).to(dtype)
        results.append([tensor.double() for tensor in (y, *torch.autograd.grad((y * weights).sum(), leaves))])
    for one, two in zip(*results, strict=True):
        torch.testing.assert_close(one, two, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("reverse", [False, True])
def test_gradients_are_those_of_finite_differences(reverse: bool) -> None:
    given = [tensor.requires_grad_() for tensor in (drawn(2, 6, 3), drawn(3, 1, 4), drawn(3))]
    assert torch.autograd.gradcheck(lambda *tensors: conv_silu(*tensors, reverse=reverse), given)


def test_without_a_bias_nothing_is_added() -> None:
    x, weight = drawn(1, 5, 2), drawn(2, 1, 4)
    torch.testing.assert_close(conv_silu(x, weight, None), conv_silu(x, weight, torch.zeros(2).double()))


def test_half_precision_is_summed_in_single() -> None:
    x, weight, bias = drawn(1, 50, 4).bfloat16(), drawn(4, 1, 4).float(), drawn(4).float()
    found = conv_silu(x, weight, bias, backend="torch")
    assert found.dtype == torch.bfloat16
    exact = conv_silu(x.double(), weight.double(), bias.double(), backend="torch")
    torch.testing.assert_close(found.double(), exact, rtol=2**-8, atol=1e-6)
