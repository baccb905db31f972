import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn.functional import silu, softplus

from mgi.models.mamba import Mamba

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


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_state_has_the_keys_and_shapes_of_mamba_ssm(bidirectional: bool) -> None:
    state = Mamba(24, bidirectional=bidirectional).state_dict()
    assert {name: tuple(tensor.shape) for name, tensor in state.items()} == SHAPES_AT_24


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
