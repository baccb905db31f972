"""Gene encoders that a plugin adds."""

import pytest
import torch
from torch import nn

from mgi.core.errors import ConfigError
from mgi.models import encoder_names
from mgi.models.encoder_names import BUILT_IN, encoder_plugins, register_gene_encoder
from mgi.models.gene_encoder import BLOCKS, build_gene_encoder
from mgi.models.settings import ModelSettings

GIVEN = {"size": "tiny", "gene_patch": 4, "gene_depth": 2}


@pytest.fixture(autouse=True)
def nothing_added(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_names, "_ADDED", {})


def test_the_names_are_those_that_have_a_block() -> None:
    assert {*BLOCKS, "flat_mlp"} == set(BUILT_IN)


def test_an_encoder_of_a_plugin_mixes_the_tokens() -> None:
    register_gene_encoder("doubling", lambda settings: Doubling())
    encoder = build_gene_encoder(ModelSettings(**GIVEN, gene_encoder="doubling"), 10)
    tokens = torch.rand(2, 3, 16)
    assert torch.equal(encoder.mix(tokens), 4 * tokens)
    assert encoder(torch.rand(2, 10)).shape == (2, 3, 16)


class Doubling(nn.Module):
    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        return 2 * tokens


def test_an_unknown_one_is_refused_with_those_that_are_known() -> None:
    register_gene_encoder("own", lambda settings: Doubling())
    with pytest.raises(ConfigError, match=r'gene_encoder: found "cnn", expected one of mamba, .*, own, or what a file'):
        ModelSettings.read({"gene_encoder": "cnn"})
    with pytest.raises(ConfigError, match=r'encoders\.cn: found "cnn", expected one of mamba'):
        ModelSettings.read({"encoders": {"cn": "cnn"}})


def test_a_built_in_one_is_not_replaced() -> None:
    with pytest.raises(ConfigError, match="gene encoder 'mamba' is built in"):
        register_gene_encoder("mamba", lambda settings: Doubling())


def test_the_module_of_a_plugin_is_known_for_a_fingerprint() -> None:
    register_gene_encoder("own", lambda settings: Doubling())
    assert encoder_plugins(["mamba", "own"]) == [__name__]
    assert encoder_plugins(["mamba"]) == []
