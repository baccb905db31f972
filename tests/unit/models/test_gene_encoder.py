from dataclasses import replace

import pytest
import torch

from mgi.models.gene_encoder import build_gene_encoder
from mgi.models.gene_tokens import PatchTokens
from mgi.models.mamba import Mamba
from mgi.models.settings import ModelSettings

SETTINGS = ModelSettings(gene_patch=4, gene_width=16, gene_depth=2, gene_state=4)
VALUES = torch.randn(3, 10, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("kind", ["shared", "local"])
def test_the_last_patch_is_padded_with_the_training_mean(kind) -> None:
    torch.manual_seed(0)
    embed = PatchTokens(10, 4, 6, kind=kind)
    assert embed.n_tokens == 3
    padded = torch.cat([VALUES, torch.zeros(3, 2)], 1)
    matrices = embed.weight if kind == "local" else embed.weight.expand(3, -1, -1)
    expected = [padded[:, 4 * t : 4 * t + 4] @ matrices[t] + embed.position[0, t] for t in range(3)]
    torch.testing.assert_close(embed(VALUES), torch.stack(expected, 1))


def test_a_shared_map_has_one_matrix_and_a_local_one_has_one_for_each_patch() -> None:
    assert PatchTokens(10, 4, 6, kind="shared").weight.shape == (1, 4, 6)
    assert PatchTokens(10, 4, 6, kind="local").weight.shape == (3, 4, 6)


def test_another_number_of_genes_is_an_error_with_both_numbers() -> None:
    with pytest.raises(ValueError, match="9 genes given, 10 expected"):
        PatchTokens(10, 4, 6, kind="shared")(VALUES[:, :9])


@pytest.mark.parametrize("name", ["mamba", "transformer", "mlp"])
def test_every_encoder_gives_a_token_per_patch_and_lets_gradients_through(name) -> None:
    encoder = build_gene_encoder(replace(SETTINGS, gene_encoder=name), 10)
    tokens = encoder(VALUES)
    assert tokens.shape == (3, 3, 16)
    tokens.square().sum().backward()
    assert all(parameter.grad is not None for parameter in encoder.parameters())


@pytest.mark.parametrize(("name", "mixes"), [("mamba", True), ("transformer", True), ("mlp", False)])
def test_only_the_perceptron_keeps_genes_of_different_patches_apart(name, mixes) -> None:
    torch.manual_seed(0)
    encoder = build_gene_encoder(replace(SETTINGS, gene_encoder=name), 10).eval()
    changed = VALUES.clone()
    changed[:, -1] += 1
    with torch.no_grad():
        moved = (encoder(VALUES) - encoder(changed)).abs().amax(-1)
    assert (moved[:, 2] > 1e-4).all()
    assert (moved[:, 0] > 1e-6).all() == mixes


@pytest.mark.parametrize("name", ["mamba", "transformer", "mlp"])
def test_a_patient_is_encoded_alike_alone_and_among_others(name) -> None:
    encoder = build_gene_encoder(replace(SETTINGS, gene_encoder=name), 10).eval()
    with torch.no_grad():
        torch.testing.assert_close(encoder(VALUES)[1:2], encoder(VALUES[1:2]))


def test_the_settings_decide_depth_state_and_direction() -> None:
    encoder = build_gene_encoder(replace(SETTINGS, bidirectional=False), 10)
    mixers = [module for module in encoder.modules() if isinstance(module, Mamba)]
    assert [(mixer.d_state, mixer.bidirectional) for mixer in mixers] == [(4, False)] * 2
