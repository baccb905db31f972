import torch

from mgi.explain.attention import _weights, attention_maps
from mgi.models.fusion import Attention
from mgi.models.mgi import build_mgi


def test_the_weights_are_those_by_which_the_layer_mixes_its_values() -> None:
    torch.manual_seed(0)
    layer, query, key, value = Attention(16, 2, 8), torch.randn(3, 4, 16), torch.randn(3, 9, 16), torch.randn(3, 9, 16)
    weights = _weights(layer, query, key)
    torch.testing.assert_close(weights.sum(-1), torch.ones(3, 2, 4))
    values = layer.value(value).unflatten(-1, (2, -1)).transpose(1, 2)
    torch.testing.assert_close(layer.out((weights @ values).transpose(1, 2).flatten(2)), layer(query, key, value))


def test_a_map_shares_all_attention_among_the_patches_and_follows_the_genes(segmenter) -> None:
    torch.manual_seed(1)
    images, genes = torch.randn(2, 1, 16, 16), torch.randn(2, 10)
    own, null = attention_maps(segmenter, images, genes), attention_maps(segmenter, images, None)
    assert own is not None
    assert null is not None
    assert own.shape == null.shape == (2, 4)
    torch.testing.assert_close(own.sum(1), torch.ones(2))
    assert not torch.allclose(own, null)
    assert not segmenter.decoder.last_attention._forward_pre_hooks


def test_a_network_without_that_decoder_has_no_map(model_settings) -> None:
    network = build_mgi(model_settings.but(fusion="film", image_size=32), 10).eval()
    assert attention_maps(network, torch.zeros(1, 1, 32, 32), torch.zeros(1, 10)) is None
