import pytest
import torch

from mgi.models.gene_tokens import FlatToken, GroupTokens, PatchTokens
from mgi.models.multimodal import build_multimodal_encoder
from mgi.models.seeding import seeded_by_name
from mgi.models.settings import ModelSettings

SETTINGS = ModelSettings(
    size="tiny", gene_encoder="mamba", gene_patch=4, encoders={"methylation": "group_attention"}, gene_groups=3
)
SIZES = {"rna": 10, "cn": 6, "methylation": 9}


def built(sizes: dict[str, int], seed: int = 0):
    torch.manual_seed(seed)
    return build_multimodal_encoder(SETTINGS, sizes)


def test_expression_has_the_gene_encoder_others_their_own_or_a_perceptron() -> None:
    found = built(SIZES)
    assert found.names == ("cn", "methylation", "rna")
    assert isinstance(found.of("rna").encoder.tokens, PatchTokens)
    assert isinstance(found.of("cn").encoder.tokens, FlatToken)
    assert isinstance(found.of("methylation").encoder.tokens, GroupTokens)


def test_vectors_are_of_length_one_in_one_space() -> None:
    found = built(SIZES)
    for name, size in SIZES.items():
        vectors = found.of(name)(torch.randn(3, size))
        assert vectors.shape == (3, 16)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(3))
    assert found.image_vectors(torch.randn(2, 1, 32, 32)).shape == (2, 16)


def test_initial_weights_depend_on_seed_and_name_alone() -> None:
    one, other = built(SIZES).state_dict(), built({name: SIZES[name] for name in ("methylation", "rna")}).state_dict()
    assert list(other) == [name for name in one if not name.startswith("modalities.cn.")]
    assert all(torch.equal(one[name], tensor) for name, tensor in other.items())
    reordered = built(dict(reversed(SIZES.items()))).state_dict()
    assert list(reordered) == list(one)
    assert all(torch.equal(one[name], tensor) for name, tensor in reordered.items())
    again = built(SIZES, seed=1).state_dict()
    assert not torch.equal(one["modalities.cn.projection.weight"], again["modalities.cn.projection.weight"])
    assert not torch.equal(one["modalities.cn.projection.weight"], one["modalities.rna.projection.weight"])


def test_torchs_generator_stands_where_it_stood_and_keeps_its_first_seed() -> None:
    torch.manual_seed(5)
    torch.rand(3)
    state = torch.get_rng_state()
    drawn = []
    for name in ("a", "b", "a"):
        with seeded_by_name(name):
            drawn.append(torch.rand(1).item())
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.initial_seed() == 5
    assert drawn[0] == drawn[2] != drawn[1]


def test_gene_sets_are_of_expression_alone() -> None:
    settings = SETTINGS.but(gene_tokens="pathway", encoders={"cn": "transformer"})
    found = build_multimodal_encoder(settings, {"rna": 4, "cn": 6}, {"one": [0, 1], "two": [3]})
    assert found.of("rna").encoder.tokens.n_tokens == 2
    assert isinstance(found.of("cn").encoder.tokens, PatchTokens)


@pytest.mark.parametrize(("encoders", "there"), [({}, False), ({"cn": "mamba"}, True)])
def test_weights_say_nothing_of_further_encoders_where_there_are_none(encoders, there) -> None:
    plain = ModelSettings(size="tiny", encoders=encoders).reading(("flair",)).plain()
    assert ("encoders" in plain) == there
