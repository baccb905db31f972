import importlib.util
import sys
import warnings
from inspect import signature
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from mgi.models.mamba import Mamba
from mgi.scan import cpu, interface
from mgi.scan.interface import MODULES, why_not

# mamba_ssm.Mamba(d_model=24): inner width 48, rank ceil(24 / 16) = 2, state 16, convolution 4.
SHAPES_AT_24 = {
    "A_log": (48, 16),
    "D": (48,),
    "in_proj.weight": (96, 24),
    "conv1d.weight": (48, 1, 4),
    "conv1d.bias": (48,),
    "x_proj.weight": (34, 48),
    "dt_proj.weight": (48, 2),
    "dt_proj.bias": (48,),
    "out_proj.weight": (24, 48),
}


def block(*, bidirectional: bool = False) -> Mamba:
    torch.manual_seed(0)
    return Mamba(8, d_state=4, bidirectional=bidirectional).double().eval()


def tokens(length: int = 6) -> Tensor:
    return torch.randn(2, length, 8, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


# What mamba_ssm.Mamba has for other keywords than its own defaults.
OTHER_SHAPES = [
    ({"bias": True}, {"in_proj.bias": (96,), "out_proj.bias": (24,)}),
    ({"conv_bias": False, "d_conv": 2}, {"conv1d.weight": (48, 1, 2), "conv1d.bias": None}),
    ({"dt_rank": 5}, {"x_proj.weight": (37, 48), "dt_proj.weight": (48, 5)}),
    ({"d_state": 4}, {"A_log": (48, 4), "x_proj.weight": (10, 48)}),
]


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_state_has_the_keys_and_shapes_of_mamba_ssm(bidirectional: bool) -> None:
    state = Mamba(24, bidirectional=bidirectional).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == SHAPES_AT_24


@pytest.mark.parametrize(("keywords", "other"), OTHER_SHAPES)
def test_other_keywords_change_the_shapes_as_they_do_in_mamba_ssm(keywords, other) -> None:
    state = Mamba(24, **keywords).state_dict()
    expected = {name: shape for name, shape in (SHAPES_AT_24 | other).items() if shape is not None}
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == expected


def test_a_constant_start_gives_every_step_projection_one_weight() -> None:
    weight = Mamba(24, dt_init="constant", dt_scale=0.5).dt_proj.weight.detach()
    torch.testing.assert_close(weight, torch.full((48, 2), 0.5 * 2**-0.5))


def test_an_unknown_start_is_an_error_with_the_names() -> None:
    with pytest.raises(ValueError, match=r"dt_init: .*'zeros'.*random or constant"):
        Mamba(24, dt_init="zeros")


def test_states_are_marked_for_the_optimiser_and_the_step_bias_for_initialisers() -> None:
    layer = Mamba(24)
    marked = {name for name, parameter in layer.named_parameters() if getattr(parameter, "_no_weight_decay", False)}
    assert marked == {"A_log", "D"}
    assert layer.dt_proj.bias._no_reinit


@pytest.fixture
def original(monkeypatch):
    """mamba-ssm's own class with its own slow scan, where its Python part is installed (docs: what MGI is)."""
    if importlib.util.find_spec("selective_scan_cuda") is None:
        monkeypatch.setitem(sys.modules, "selective_scan_cuda", ModuleType("selective_scan_cuda"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip("mamba_ssm.modules.mamba_simple", exc_type=ImportError)
        scans = pytest.importorskip("mamba_ssm.ops.selective_scan_interface", exc_type=ImportError)
    monkeypatch.setattr(module, "selective_scan_fn", scans.selective_scan_ref)
    monkeypatch.setattr(module, "causal_conv1d_fn", None)
    return lambda *sizes, **keywords: module.Mamba(*sizes, use_fast_path=False, **keywords)


@pytest.mark.parametrize("keywords", [{}, *(keywords for keywords, _ in OTHER_SHAPES)])
@pytest.mark.parametrize("backend", ["torch", "auto"])
def test_weights_move_strictly_between_mamba_ssm_and_this_block_and_give_the_same_output(
    keywords, backend, original
) -> None:
    torch.manual_seed(0)
    theirs, ours = original(24, **keywords), Mamba(24, backend=backend, **keywords)
    x = torch.randn(2, 37, 24)
    with torch.no_grad():
        ours.load_state_dict(theirs.state_dict(), strict=True)
        torch.testing.assert_close(ours(x), theirs(x), rtol=1e-4, atol=1e-6)
        other = Mamba(24, backend=backend, **keywords)
        theirs.load_state_dict(other.state_dict(), strict=True)
        torch.testing.assert_close(theirs(x), other(x), rtol=1e-4, atol=1e-6)


def test_the_keywords_and_their_defaults_are_those_of_mamba_ssm(original) -> None:
    theirs = signature(sys.modules["mamba_ssm.modules.mamba_simple"].Mamba.__init__).parameters
    ours = signature(Mamba.__init__).parameters
    shared = [name for name in theirs if name not in {"use_fast_path", "layer_idx", "device", "dtype"}]
    assert shared == [name for name in ours if ours[name].kind is not ours[name].KEYWORD_ONLY]
    assert {name: theirs[name].default for name in shared} == {name: ours[name].default for name in shared}


@pytest.mark.parametrize("bidirectional", [False, True])
def test_every_backend_of_this_machine_gives_the_output_and_gradients_of_the_reference(bidirectional) -> None:
    results = {}
    for backend, missing in ((name, why_not(name, "cpu")) for name in MODULES):
        if missing is not None or backend == "triton":  # interpreted: minutes; its tests are smaller (test_triton.py)
            continue
        torch.manual_seed(0)
        layer = Mamba(24, bidirectional=bidirectional, backend=backend)
        x = torch.randn(2, 37, 24, requires_grad=True)
        y = layer(x)
        weights = torch.linspace(-1, 1, y.numel()).view_as(y)
        results[backend] = [y, *torch.autograd.grad((y * weights).sum(), [x, *layer.parameters()])]
    expected = results.pop("reference")
    assert results
    for backend, found in results.items():
        for one, two in zip(found, expected, strict=True):
            error = (one - two).abs().max() / two.abs().max()
            assert error < 1e-5, backend


@pytest.mark.parametrize("backend", [None, "cpp"])
def test_tied_decays_start_as_free_ones_and_learn_one_rate_a_channel(backend) -> None:
    if backend is not None and why_not(backend, "cpu") is not None:
        pytest.skip(str(why_not(backend, "cpu")))
    layers, outputs = [], []
    for tied in (False, True):
        torch.manual_seed(0)
        layers.append(Mamba(24, tied_decays=tied, bidirectional=True, backend=backend or "torch"))
        x = torch.randn(2, 37, 24, generator=torch.Generator().manual_seed(1))
        outputs.append(layers[-1](x))
        outputs[-1].square().sum().backward()
    free, tied = (layer.A_log for layer in layers)
    assert tied.shape == (48, 1)
    torch.testing.assert_close(*outputs, rtol=1e-5, atol=1e-6)
    # One rate moves all of a channel's states, each in its log by as much.
    torch.testing.assert_close(tied.grad[:, 0], free.grad.sum(1), rtol=1e-3, atol=1e-4)


def test_the_step_size_s_product_is_stored_or_not_and_the_block_is_the_same(monkeypatch) -> None:
    if why_not("cpp", "cpu") is not None:
        pytest.skip(str(why_not("cpp", "cpu")))
    torch.manual_seed(0)
    layer = Mamba(24, bidirectional=True, backend="cpp")
    x = torch.randn(2, 300, 24, requires_grad=True)
    found, asked = [], []
    scan = cpu.scan
    monkeypatch.setattr(cpu, "scan", lambda *given, **more: asked.append(more["step_weight"]) or scan(*given, **more))
    for tokens_from in (301, 300):
        monkeypatch.setattr(interface, "FACTORS_FROM", tokens_from)
        y = layer(x)
        found.append([y, *torch.autograd.grad(y.square().sum(), [x, *layer.parameters()])])
    assert [weight is None for weight in asked] == [True, True, False, False]
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5 * float(one.detach().abs().max()))


def test_gradients_in_double_precision_are_those_of_finite_differences() -> None:
    layer = block(bidirectional=True)
    assert torch.autograd.gradcheck(layer, tokens(4).requires_grad_())


def test_under_autocast_the_block_stays_near_its_single_precision_self() -> None:
    torch.manual_seed(0)
    layer, x = Mamba(24, bidirectional=True), torch.randn(1, 300, 24)
    with torch.no_grad():
        plain = layer(x)
        with torch.autocast("cpu", torch.bfloat16):
            low = layer(x)
    assert low.dtype == torch.bfloat16
    assert (low.float() - plain).abs().max() < 0.03 * plain.abs().max()


def test_the_block_starts_where_the_authors_start() -> None:
    layer = Mamba(24)
    np.testing.assert_allclose(layer.A_log.detach().exp().numpy(), np.tile(np.arange(1, 17), (48, 1)), rtol=1e-6)
    assert torch.equal(layer.D, torch.ones(48))
    steps = softplus(layer.dt_proj.bias.detach())
    assert steps.min() >= 1e-3 * 0.999
    assert steps.max() <= 1e-1 * 1.001


def test_the_block_is_projection_convolution_recurrence_gate_and_projection() -> None:
    layer, x = block(), tokens()
    length = x.shape[1]
    with torch.no_grad():
        u, z = layer.in_proj(x).chunk(2, dim=-1)
        # The plain layer pads on both sides; what a token may see is the first part of it.
        u = silu(layer.conv1d(u.transpose(1, 2))[..., :length]).transpose(1, 2)
        low, B, C = layer.x_proj(u).split([1, 4, 4], dim=-1)
        dt = softplus(layer.dt_proj(low))
        A = -layer.A_log.exp()
        state = torch.zeros(2, 16, 4, dtype=torch.float64)
        outputs = []
        for t in range(length):
            state = torch.exp(dt[:, t, :, None] * A) * state + (dt[:, t] * u[:, t])[..., None] * B[:, t, None]
            outputs.append((state * C[:, t, None]).sum(-1) + layer.D * u[:, t])
        expected = layer.out_proj(torch.stack(outputs, 1) * silu(z))
        torch.testing.assert_close(layer(x), expected, rtol=1e-10, atol=1e-12)


def test_a_later_token_does_not_change_an_earlier_output() -> None:
    layer, x = block(), tokens()
    changed = x.clone()
    changed[:, 4] += 1
    with torch.no_grad():
        before, after = layer(x), layer(changed)
    assert torch.equal(before[:, :4], after[:, :4])
    assert not torch.allclose(before[:, 4], after[:, 4])


def test_in_both_directions_a_later_token_changes_an_earlier_output() -> None:
    layer, x = block(bidirectional=True), tokens()
    changed = x.clone()
    changed[:, -1] += 1
    with torch.no_grad():
        assert not torch.allclose(layer(x)[:, 0], layer(changed)[:, 0])


def test_both_directions_are_the_forward_block_and_the_same_block_on_the_flipped_tokens() -> None:
    both, forward, x = block(bidirectional=True), block(), tokens()
    with torch.no_grad():
        expected = forward(x) + forward(x.flip(1)).flip(1)
        torch.testing.assert_close(both(x), expected, rtol=1e-10, atol=1e-12)


def test_a_single_token_passes() -> None:
    assert block(bidirectional=True)(tokens(1)).shape == (2, 1, 8)
