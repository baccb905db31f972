"""The fused kernel against a float64 scan, step by step, differentiated by autograd."""

import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn.functional import conv1d, pad, silu, softplus
from torch.utils.checkpoint import checkpoint

from mgi.core.errors import ConfigError
from mgi.scan import chunked, cpu
from mgi.scan.interface import ScanInput

NAMES = ["u", "delta", "A", "B", "C", "D", "z", "delta_bias"]
pytestmark = [
    pytest.mark.skipif(cpu.available() is not None, reason=str(cpu.available())),
    pytest.mark.usefixtures("instructions"),
]


@pytest.fixture
def threads() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


def inputs(batch: int, length: int, width: int, states: int, *, seed: int = 0) -> dict[str, Tensor]:
    made = torch.Generator().manual_seed(seed)

    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=made)

    return {
        "u": normal(batch, length, width),
        "delta": normal(batch, length, width),
        "A": -torch.exp(normal(width, states)),
        "B": normal(batch, length, states),
        "C": normal(batch, length, states),
        "D": normal(width),
        "z": normal(batch, length, width),
        "delta_bias": normal(width) - 3,
    }


def sequential(tensors: dict[str, Tensor], *, delta_softplus: bool, reverse: bool) -> Tensor:
    u, delta, A, B, C = (tensors[name] for name in NAMES[:5])
    D, z, bias = (tensors.get(name) for name in NAMES[5:])
    dt = delta if bias is None else delta + bias
    dt = softplus(dt) if delta_softplus else dt
    state, outputs = torch.zeros(u.shape[0], *A.shape, dtype=u.dtype), {}
    for t in reversed(range(u.shape[1])) if reverse else range(u.shape[1]):
        step = dt[:, t, :, None]
        state = torch.exp(step * A) * state + step * u[:, t, :, None] * B[:, t, None]
        outputs[t] = (state * C[:, t, None]).sum(-1)
    y = torch.stack([outputs[t] for t in range(u.shape[1])], 1)
    y = y if D is None else y + D * u
    return y if z is None else y * silu(z)


def fused(tensors: dict[str, Tensor], *, delta_softplus: bool = True, reverse: bool = False) -> Tensor:
    optional = {name: tensors.get(name) for name in NAMES[5:]}
    return cpu.scan(
        ScanInput(*(tensors[name] for name in NAMES[:5]), **optional, delta_softplus=delta_softplus, reverse=reverse)
    )


def gradients(y: Tensor, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    dy = torch.randn(y.shape, generator=torch.Generator().manual_seed(1)).to(y.dtype)
    return dict(zip(tensors, torch.autograd.grad(y, list(tensors.values()), dy), strict=True))


def assert_same_as_float64(tensors: dict[str, Tensor], *, delta_softplus: bool = True, reverse: bool = False) -> None:
    ours = {name: tensor.detach().requires_grad_() for name, tensor in tensors.items()}
    exact = {name: tensor.detach().double().requires_grad_() for name, tensor in tensors.items()}
    y = fused(ours, delta_softplus=delta_softplus, reverse=reverse)
    expected = sequential(exact, delta_softplus=delta_softplus, reverse=reverse)
    assert y.shape == expected.shape
    found, right = {"y": y} | gradients(y, ours), {"y": expected} | gradients(expected, exact)
    for name, value in right.items():
        assert_close(found[name], value, name)


def assert_close(found: Tensor, right: Tensor, name: str) -> None:
    assert found.shape == right.shape, name
    assert found.isfinite().all(), name
    error = (found.double() - right).abs().max() / right.abs().max().clamp_min(1e-30)
    assert error < 2e-6, f"{name}: {error:.1e}"


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("batch", "length", "width", "states"),
    [
        (1, 1, 1, 1),
        (2, 16, 8, 8),
        (2, 17, 13, 5),
        (1, 50, 64, 16),
        (3, 33, 7, 24),
        (1, 40, 130, 4),
        (1, 31, 70, 12),
        (2, 5, 3, 64),
        (1, 4, 200, 28),
    ],
)
def test_output_and_every_gradient(batch: int, length: int, width: int, states: int, reverse: bool) -> None:
    assert_same_as_float64(inputs(batch, length, width, states), reverse=reverse)


@pytest.mark.parametrize("left_out", [*itertools.combinations(NAMES[5:], 1), tuple(NAMES[5:])], ids="+".join)
@pytest.mark.parametrize("delta_softplus", [False, True])
def test_what_may_be_left_out(left_out: tuple[str, ...], delta_softplus: bool) -> None:
    tensors = inputs(2, 20, 9, 6)
    tensors["delta"] = tensors["delta"].abs()
    if not delta_softplus:
        tensors["delta_bias"] = tensors["delta_bias"].abs()
    for name in left_out:
        del tensors[name]
    assert_same_as_float64(tensors, delta_softplus=delta_softplus)


@pytest.mark.parametrize("reverse", [False, True])
def test_halves_of_a_projection_are_read_where_they_lie(reverse: bool) -> None:
    tensors = inputs(2, 21, 24, 8)
    both = torch.cat([tensors["u"], tensors["z"]], -1)
    tensors["u"], tensors["z"] = both.chunk(2, -1)
    projection = torch.cat([tensors["u"][..., :2], tensors["B"], tensors["C"]], -1)
    _, tensors["B"], tensors["C"] = projection.split([2, 8, 8], -1)
    tensors["delta"] = tensors["delta"].transpose(1, 2).contiguous().transpose(1, 2)  # channels are not neighbours
    tensors["A"] = tensors["A"].t().contiguous().t()
    assert not any(tensors[name].is_contiguous() for name in ("u", "z", "B", "C", "delta", "A"))
    assert_same_as_float64(tensors, reverse=reverse)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("batch", "length", "width", "rank"),
    [(1, 1, 1, 1), (2, 33, 13, 3), (1, 50, 64, 4), (2, 17, 200, 9), (3, 20, 70, 8)],
)
def test_the_factors_of_the_step_size_give_what_their_product_gives(
    batch: int, length: int, width: int, rank: int, reverse: bool
) -> None:
    tensors = inputs(batch, length, width, 5)
    made = torch.Generator().manual_seed(4)
    # Cut out of wider rows, as the block cuts them.
    tensors["delta"] = torch.randn(batch, length, rank + 7, generator=made)[..., 2 : 2 + rank]
    tensors["step_weight"] = torch.randn(width, rank, generator=made)
    ours = {name: tensor.detach().requires_grad_() for name, tensor in tensors.items()}
    exact = {name: tensor.detach().double().requires_grad_() for name, tensor in tensors.items()}
    given = {name: tensor for name, tensor in ours.items() if name != "step_weight"}
    y = cpu.scan(ScanInput(**given, delta_softplus=True, reverse=reverse), step_weight=ours["step_weight"])
    whole = exact | {"delta": exact["delta"] @ exact["step_weight"].T}
    expected = sequential(whole, delta_softplus=True, reverse=reverse)
    found, right = {"y": y} | gradients(y, ours), {"y": expected} | gradients(expected, exact)
    for name, value in right.items():
        assert_close(found[name], value, name)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("states", [1, 4, 5, 8, 12, 16, 28, 40])
def test_tied_decays_give_what_as_many_exponentials_give(states: int, reverse: bool) -> None:
    tensors = inputs(2, 37, 70, states)
    tensors["A"] = tensors["A"][:, :1]
    ours = {name: tensor.detach().requires_grad_() for name, tensor in tensors.items()}
    exact = {name: tensor.detach().double().requires_grad_() for name, tensor in tensors.items()}
    of_state = torch.arange(1, states + 1)
    y = cpu.scan(
        ScanInput(**ours | {"A": ours["A"] * of_state}, delta_softplus=True, reverse=reverse), tied_decays=True
    )
    expected = sequential(exact | {"A": exact["A"] * of_state}, delta_softplus=True, reverse=reverse)
    found, right = {"y": y} | gradients(y, ours), {"y": expected} | gradients(expected, exact)
    for name, value in right.items():
        assert_close(found[name], value, name)


def test_tied_decays_of_slow_states_lose_a_digit_and_no_more() -> None:
    """What a decay is off by is multiplied by the memory of its state, here thousands of tokens, and by its power."""
    tensors = inputs(1, 20_000, 3, 16)
    tensors["A"] = -torch.arange(1, 17).float().repeat(3, 1)
    tensors["delta"], tensors["delta_bias"] = tensors["delta"] * 0.1, torch.full((3,), -9.0)
    ours = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
    exact = {name: tensor.detach().double().requires_grad_() for name, tensor in tensors.items()}
    y = chunked.scan(ScanInput(**exact, delta_softplus=True))
    right = {"y": y} | gradients(y, exact)
    for tied, most in ((False, 1e-5), (True, 6e-5)):
        y = cpu.scan(ScanInput(**ours, delta_softplus=True), tied_decays=tied)
        found = {"y": y} | gradients(y, ours)
        for name, value in right.items():
            error = (found[name] - value).detach().abs().max() / value.detach().abs().max()
            assert error < most, f"{name}: {error:.1e}"


def test_a_gradient_that_is_one_number_everywhere() -> None:
    tensors = {name: tensor.requires_grad_() for name, tensor in inputs(1, 20, 9, 4).items()}
    found = torch.autograd.grad(fused(tensors).sum(), tensors["u"])[0]
    exact = {name: tensor.detach().double().requires_grad_() for name, tensor in tensors.items()}
    expected = sequential(exact, delta_softplus=True, reverse=False).sum()
    assert_close(found, torch.autograd.grad(expected, exact["u"])[0], "u")


@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize(("batch", "width"), [(1, 64), (2, 130)])
def test_the_same_bits_with_any_number_of_threads(batch: int, width: int) -> None:
    tensors = {name: tensor.requires_grad_() for name, tensor in inputs(batch, 150, width, 16).items()}
    x = tensors["u"].detach().repeat(1, 5, 1).requires_grad_()
    weight = torch.randn(width, 1, 4, generator=torch.Generator().manual_seed(2)).requires_grad_()
    low = tensors["delta"].detach()[..., :4].requires_grad_()  # B L R
    seen = []
    for count in (1, 2, 5):
        torch.set_num_threads(count)
        y = fused(tensors)
        given = ScanInput(**tensors | {"delta": low}, delta_softplus=True)
        product = cpu.scan(given, step_weight=weight[:, 0], tied_decays=True)
        of_factors = torch.autograd.grad(product.sum(), (low, weight))
        mixed = cpu.conv_silu(x, weight, tensors["D"], reverse=False)
        of_conv = torch.autograd.grad(mixed.sum(), (x, weight, tensors["D"]))
        seen.append([y, *gradients(y, tensors).values(), product, *of_factors, mixed, *of_conv])
    for others in seen[1:]:
        assert all(torch.equal(one, other) for one, other in zip(seen[0], others, strict=True))


def test_large_tensors_are_written_past_the_cache_with_the_same_bits() -> None:
    tensors = {name: tensor.requires_grad_() for name, tensor in inputs(2, 16_500, 64, 4).items()}
    large = {"y": fused(tensors)} | gradients(fused(tensors), tensors)
    assert large["y"].numel() > 2 << 20
    dy = torch.randn(large["y"].shape, generator=torch.Generator().manual_seed(1))
    for i in range(2):
        one = {name: (tensor[i : i + 1] if tensor.dim() == 3 else tensor) for name, tensor in tensors.items()}
        y = fused(one)
        assert torch.equal(y[0], large["y"][i])
        found = torch.autograd.grad(y, [one["u"], one["delta"], one["z"]], dy[i : i + 1])
        for name, gradient in zip(("u", "delta", "z"), found, strict=True):
            assert torch.equal(gradient[0], large[name][i]), name


@pytest.mark.parametrize("size", [30.0, 1e4, 1e9, 1e20])
def test_large_steps_neither_overflow_nor_lose_the_small_ones(size: float) -> None:
    tensors = inputs(1, 40, 6, 4)
    tensors["delta"] = tensors["delta"].sign() * torch.where(tensors["delta"].abs() > 1.0, size, 1.0)
    exact = {name: tensor.double() for name, tensor in tensors.items()}
    y, expected = fused(tensors), sequential(exact, delta_softplus=True, reverse=False)
    # Row by row: beside a row of 1e20 a wrong row of 1 would not show.
    assert ((y - expected).abs().amax((0, 2)) / expected.abs().amax((0, 2))).max() < 1e-5
    ours = {name: tensor.requires_grad_() for name, tensor in tensors.items()}
    if size <= 1e9:
        assert all(gradient.isfinite().all() for gradient in gradients(fused(ours), ours).values())


def test_a_decay_that_is_not_a_number_does_not_vanish() -> None:
    tensors = inputs(1, 20, 9, 4)
    tensors["A"][2, 1] = torch.nan
    assert fused(tensors).isnan().all(1).nonzero().tolist() == [[0, 2]]


def test_a_step_that_is_not_a_number_does_not_vanish() -> None:
    tensors = inputs(1, 20, 9, 4)
    tensors["delta"][0, 7, 2] = torch.nan
    assert fused(tensors).isnan()[0].any(0).tolist() == [channel == 2 for channel in range(9)]


def test_growing_states() -> None:
    """A > 0, and dt < 0: nothing of Mamba's, but the equation has an answer."""
    tensors = inputs(1, 12, 5, 4)
    tensors["A"] = -tensors["A"] * 0.3
    assert_same_as_float64(tensors)
    assert_same_as_float64(tensors | {"A": -tensors["A"]}, delta_softplus=False)


def test_sums_over_a_transcriptome_keep_their_digits() -> None:
    """60,000 equal terms added one by one in float32 are off by 1e-3."""
    length = 60_000
    tensors = {name: tensor.requires_grad_() for name, tensor in inputs(1, length, 1, 1).items() if name != "z"}
    tensors["delta_bias"].data.fill_(-4)
    tensors["A"].data.fill_(-0.7)
    for name in ("u", "delta", "B", "C"):
        tensors[name].data.fill_(1.1 if name != "delta" else 0.0)
    y = fused(tensors)
    dA, dD = torch.autograd.grad(y.sum(), [tensors["A"], tensors["D"]])
    # h = dt u B (1 + a + ... + a^(t-1)), in float64
    dt = softplus(torch.tensor(-4.0, dtype=torch.float64))
    A = torch.tensor(-0.7, dtype=torch.float32).double().requires_grad_()
    u = torch.tensor(1.1, dtype=torch.float32).double()
    decay, steps = torch.exp(dt * A), torch.arange(1, length + 1, dtype=torch.float64)
    total = (dt * u**3 * (1 - decay**steps) / (1 - decay)).sum()
    # The decay itself is rounded, always the same way here: that alone is 4e-6 of dA.
    assert abs(dA.item() / torch.autograd.grad(total, A)[0].item() - 1) < 1e-5
    assert abs(dD.item() / (u * length).item() - 1) < 1e-6


def test_nothing_is_kept_where_no_gradient_is_asked_for() -> None:
    tensors = inputs(1, 20, 8, 4)
    assert fused(tensors).grad_fn is None
    tensors["A"].requires_grad_()
    with torch.no_grad():
        assert fused(tensors).grad_fn is None
    y = fused(tensors)
    exact = {name: tensor.detach().double() for name, tensor in tensors.items()}
    exact["A"].requires_grad_()
    expected = torch.autograd.grad(sequential(exact, delta_softplus=True, reverse=False).sum(), exact["A"])[0]
    assert_close(torch.autograd.grad(y.sum(), tensors["A"])[0], expected, "A")


def test_checkpointed_blocks_give_the_same_gradients() -> None:
    tensors = {name: tensor.requires_grad_() for name, tensor in inputs(2, 40, 20, 8).items()}
    plain = gradients(fused(tensors), tensors)
    again = gradients(checkpoint(lambda: fused(tensors), use_reentrant=False), tensors)
    assert all(torch.equal(plain[name], again[name]) for name in plain)


def test_small_numbers_stay_alive_outside_the_kernel() -> None:
    tensors = inputs(1, 40, 8, 4)
    fused(tensors)
    cpu.conv_silu(tensors["u"], torch.ones(8, 1, 2), None, reverse=False)
    assert (torch.full((4,), 1e-40) * 0.5 > 0).all()


@pytest.mark.parametrize("shape", [(0, 5, 8), (2, 0, 8)])
def test_nothing_to_scan(shape: tuple[int, int, int]) -> None:
    tensors = {name: tensor.requires_grad_() for name, tensor in inputs(*shape, 4).items()}
    y = fused(tensors)
    assert y.shape == shape
    assert gradients(y, tensors)["A"].eq(0).all()
    mixed = cpu.conv_silu(tensors["u"], torch.ones(8, 1, 4), None, reverse=False)
    assert mixed.shape == shape
    assert torch.autograd.grad(mixed.sum(), tensors["u"])[0].shape == shape


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("z", torch.zeros(1, 10, 8, dtype=torch.float64), r"'cpp' .*float32 .*\bz .*torch\.float64 .*cpu$"),
        ("B", torch.zeros(1, 10, 4, dtype=torch.bfloat16), r"'cpp' .*float32 .*\bB .*torch\.bfloat16 .*cpu$"),
        ("u", torch.zeros(1, 10, 8, device="meta"), r"'cpp' .*float32 .*\bu .*torch\.float32 .*meta$"),
    ],
)
def test_what_the_kernel_cannot_read_is_named(name: str, wrong: Tensor, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        fused(inputs(1, 10, 8, 4) | {name: wrong})


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize(
    ("batch", "length", "width", "taps", "biased"),
    [
        (2, 700, 20, 4, True),
        (1, 3, 5, 4, True),
        (2, 65, 33, 3, False),
        (1, 1, 1, 4, True),
        (1, 1030, 16, 7, True),
        (1, 9, 64, 1, False),
    ],
)
def test_conv_silu(batch: int, length: int, width: int, taps: int, biased: bool, reverse: bool) -> None:
    made = torch.Generator().manual_seed(3)
    wide = torch.randn(batch, length, 2 * width, generator=made)
    weight, bias = torch.randn(width, 1, taps, generator=made), torch.randn(width, generator=made) if biased else None
    ours = [wide[..., width:], weight, *([bias] if biased else [])]
    exact = [tensor.double().requires_grad_() for tensor in ours]
    ours = [tensor.requires_grad_() for tensor in ours]
    found = cpu.conv_silu(ours[0], ours[1], ours[2] if biased else None, reverse=reverse)
    series = exact[0].flip(1) if reverse else exact[0]
    conv = conv1d(pad(series.transpose(1, 2), (taps - 1, 0)), exact[1], exact[2] if biased else None, groups=width)
    right = silu(conv).transpose(1, 2)
    right = right.flip(1) if reverse else right
    assert_close(found, right, "y")
    dy = torch.randn(right.shape, generator=made)
    expected = torch.autograd.grad(right, exact, dy.double())
    for name, one, other in zip("xwb", torch.autograd.grad(found, ours, dy), expected, strict=False):
        assert_close(one, other, name)


def test_conv_silu_names_a_wrong_weight() -> None:
    with pytest.raises(ConfigError, match=r"'cpp' .*weight .*\[8, 1, 4\].*\[7, 1, 4\]"):
        cpu.conv_silu(torch.zeros(1, 10, 8), torch.zeros(7, 1, 4), None, reverse=False)
