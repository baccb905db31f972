import pytest
import torch

from mgi.models.gene_encoder import BLOCKS, build_gene_encoder
from mgi.models.mamba import Mamba
from mgi.models.settings import ModelSettings

SETTINGS = ModelSettings(gene_patch=4, gene_width=16, gene_depth=2, gene_state=4, gene_groups=3)
VALUES = torch.randn(3, 10, generator=torch.Generator().manual_seed(0))
SETS = {"late": [9, 4], "early": [0, 1, 4]}
NAMES = ["mamba", "transformer", "mlp", "flat_mlp", "group_attention"]
KINDS = ["gene", "shared", "local", "pathway"]
TOKENS = {"mamba": 3, "transformer": 3, "mlp": 3, "flat_mlp": 1, "group_attention": 4}


def built(name: str, **changes):
    torch.manual_seed(0)
    return build_gene_encoder(SETTINGS.but(gene_encoder=name, **changes), 10, SETS)


@pytest.mark.parametrize("name", NAMES)
def test_every_encoder_gives_its_tokens_and_every_parameter_learns(name) -> None:
    encoder = built(name)
    tokens = encoder(VALUES)
    assert tokens.shape == (3, TOKENS[name], 16)
    assert encoder.tokens.n_tokens == TOKENS[name]
    (tokens * torch.randn(16, generator=torch.Generator().manual_seed(1))).sum().backward()
    idle = [name for name, one in encoder.named_parameters() if one.grad is None or not one.grad.abs().sum() > 0]
    assert idle == []


@pytest.mark.parametrize("changes", [*({"name": name} for name in NAMES), *({"gene_tokens": kind} for kind in KINDS)])
def test_another_number_of_genes_is_an_error_with_both_numbers(changes) -> None:
    with pytest.raises(ValueError, match=r"9 genes.* 10 "):
        built(**{"name": "mlp"} | changes)(VALUES[:, :9])


@pytest.mark.parametrize("name", ["mamba", "transformer", "mlp"])
@pytest.mark.parametrize(("kind", "count"), [("gene", 10), ("shared", 3), ("local", 3), ("pathway", 2)])
def test_every_tokeniser_goes_with_every_mixing_encoder(name, kind, count) -> None:
    assert built(name, gene_tokens=kind)(VALUES).shape == (3, count, 16)


@pytest.mark.parametrize(
    ("name", "mixes"), [("mamba", True), ("transformer", True), ("mlp", False), ("group_attention", True)]
)
def test_only_the_perceptron_keeps_genes_of_different_patches_apart(name, mixes) -> None:
    encoder = built(name).eval()
    changed = VALUES.clone()
    changed[:, -1] += 1
    with torch.no_grad():
        moved = (encoder(VALUES) - encoder(changed)).abs().amax(-1)
    assert (moved[:, -1] > 1e-4).all()
    assert (moved[:, 0] > 1e-6).all() == mixes


@pytest.mark.parametrize("name", NAMES)
def test_a_batch_is_its_patients_one_by_one_in_any_order(name) -> None:
    encoder = built(name).eval()
    order = torch.tensor([1, 2, 0])
    with torch.no_grad():
        together = encoder(VALUES)
        torch.testing.assert_close(encoder(VALUES[order]), together[order])
        torch.testing.assert_close(torch.cat([encoder(row) for row in VALUES.split(1)]), together)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limit", [1, 4, 7])
def test_a_few_patients_at_a_time_give_the_same_numbers_and_gradients(name, limit) -> None:
    results = []
    for at_once in (0, limit):
        encoder = built(name, gene_tokens_at_once=at_once)
        values = VALUES.clone().requires_grad_()
        tokens = encoder(values)
        tokens.square().sum().backward()
        results.append([tokens.detach(), values.grad, *(one.grad for one in encoder.parameters())])
    for whole, few in zip(*results, strict=True):
        torch.testing.assert_close(few, whole)


def test_beyond_the_limit_no_activation_of_a_block_is_kept() -> None:
    """Counted by the tensors that autograd saves: with recomputation a block keeps its input alone."""

    def saved(at_once: int) -> int:
        encoder, kept = built("mlp", gene_tokens_at_once=at_once), []
        with torch.autograd.graph.saved_tensors_hooks(lambda one: kept.append(one.numel()) or one, lambda one: one):
            encoder.mix(torch.randn(3, 3, 16, requires_grad=True))
        return sum(kept)

    assert saved(3) <= 2 * 3 * 3 * 16  # two blocks' inputs
    assert saved(9) == saved(0) > 5 * saved(3)


def test_without_gradients_patients_go_a_few_at_a_time_too() -> None:
    encoder, seen = built("mlp", gene_tokens_at_once=6), []
    encoder.blocks[0].register_forward_hook(lambda _, given, made: seen.append(len(made)))
    with torch.no_grad():
        encoder(VALUES)
    assert seen == [2, 1]


def test_the_settings_decide_depth_state_and_direction() -> None:
    encoder = built("mamba", bidirectional=False)
    mixers = [module for module in encoder.modules() if isinstance(module, Mamba)]
    assert [(mixer.d_state, mixer.bidirectional) for mixer in mixers] == [(4, False)] * 2


def test_only_group_attention_has_a_class_token_and_only_the_flat_perceptron_no_blocks() -> None:
    assert [name for name in NAMES if built(name).has_class_token] == ["group_attention"]
    assert sorted(BLOCKS) == sorted(set(NAMES) - {"flat_mlp"})
    assert len(built("flat_mlp").blocks) == 0
