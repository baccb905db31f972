import pytest
import torch
from torch.nn.functional import elu

from mgi.core.errors import ConfigError
from mgi.models.gene_tokens import FlatToken, GroupTokens, PatchTokens, PathwayTokens, SingleGeneTokens, build_tokens
from mgi.models.settings import ModelSettings

SETTINGS = ModelSettings(gene_patch=4, gene_width=8)
VALUES = torch.randn(3, 10, generator=torch.Generator().manual_seed(0))
SETS = {"late": [9, 4], "early": [0, 1, 4]}
MAKERS = {
    "gene": lambda: SingleGeneTokens(10, 6),
    "shared": lambda: PatchTokens(10, 4, 6, kind="shared"),
    "local": lambda: PatchTokens(10, 4, 6, kind="local"),
    "pathway": lambda: PathwayTokens(10, SETS, 6),
    "groups": lambda: GroupTokens(10, 3, 6),
    "flat": lambda: FlatToken(10, 6),
}


@pytest.fixture(params=MAKERS)
def tokens(request):
    torch.manual_seed(0)
    return MAKERS[request.param]()


def test_shapes_are_those_announced_and_every_parameter_learns(tokens) -> None:
    made = tokens(VALUES)
    assert made.shape == (3, tokens.n_tokens, 6)
    made.square().sum().backward()
    assert all(parameter.grad is not None and parameter.grad.abs().sum() > 0 for parameter in tokens.parameters())


def test_permuting_patients_permutes_rows_and_a_batch_is_its_patients(tokens) -> None:
    order = torch.tensor([2, 0, 1])
    with torch.no_grad():
        torch.testing.assert_close(tokens(VALUES[order]), tokens(VALUES)[order])
        torch.testing.assert_close(tokens(VALUES), torch.cat([tokens(row) for row in VALUES.split(1)]))


def test_a_gene_is_its_value_times_one_vector_plus_its_own_embedding() -> None:
    embed = SingleGeneTokens(10, 6)
    expected = VALUES[1, 7] * embed.weight[:, 0] + embed.position[0, 7]
    torch.testing.assert_close(embed(VALUES)[1, 7], expected)
    assert embed.n_tokens == 10
    assert sum(parameter.numel() for parameter in embed.parameters()) == 10 * 6 + 6


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


def test_a_pathway_reads_its_own_genes_and_no_other() -> None:
    torch.manual_seed(0)
    embed = PathwayTokens(10, SETS, 6)
    torch.nn.init.normal_(embed.bias)
    expected = elu(VALUES[:, [9, 4]] @ embed.weight[:2] + embed.bias[0]) + embed.position[0, 0]
    torch.testing.assert_close(embed(VALUES)[:, 0], expected)
    for gene, moves in ((0, [False, True]), (4, [True, True]), (9, [True, False]), (5, [False, False])):
        changed = VALUES.clone()
        changed[:, gene] += 1
        moved = (embed(changed) - embed(VALUES)).abs().amax((0, 2)) > 1e-6
        assert moved.tolist() == moves, gene


def test_the_genes_of_a_pathway_are_no_part_of_the_state() -> None:
    assert set(PathwayTokens(10, SETS, 6).state_dict()) == {"weight", "bias", "position"}


def test_the_class_token_comes_first_and_knows_no_gene() -> None:
    tokens = GroupTokens(10, 3, 6)
    made = tokens(VALUES)
    assert made.shape == (3, 4, 6)
    assert torch.equal(made[:, 0], tokens.cls_token[0].expand(3, -1))
    torch.testing.assert_close(made[:, 1:], tokens.groups(VALUES))
    assert tokens.groups.weight.shape == (3, 4, 6)


def test_the_flat_token_is_a_perceptron_of_all_genes() -> None:
    one = FlatToken(10, 6)
    assert [layer.weight.shape for layer in one.layers if hasattr(layer, "weight")] == [(6, 10), (6, 6)]


@pytest.mark.parametrize(("name", "count"), [("gene", 10), ("shared", 3), ("local", 3), ("pathway", 2)])
def test_the_settings_name_the_tokeniser(name, count) -> None:
    assert build_tokens(SETTINGS.but(gene_tokens=name), 10, SETS).n_tokens == count


@pytest.mark.parametrize("sets", [None, {}])
def test_pathways_without_sets_are_refused_with_the_key(sets) -> None:
    with pytest.raises(ConfigError, match=r"model\.gene_tokens: pathway .*model\.pathways"):
        build_tokens(SETTINGS.but(gene_tokens="pathway"), 10, sets)
