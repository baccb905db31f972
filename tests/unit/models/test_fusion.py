import pytest
import torch

from mgi.models.fusion import Attention, MaskDecoder, doubled, resize_logits
from mgi.models.settings import ModelSettings

SETTINGS = ModelSettings(
    image_size=32,
    patch_size=8,
    image_width=12,
    gene_width=20,
    decoder_width=16,
    decoder_heads=2,
    decoder_depth=1,
    upsampling_stages=2,
)


def decoder(settings: ModelSettings = SETTINGS) -> MaskDecoder:
    torch.manual_seed(0)
    return MaskDecoder(settings).eval()


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(len(shape) + shape[1]))


@pytest.mark.parametrize(("stages", "side"), [(0, 4), (1, 8), (2, 16), (3, 32), (5, 128)])
def test_each_stage_doubles_the_patch_grid(stages: int, side: int) -> None:
    logits = decoder(SETTINGS.but(upsampling_stages=stages))(drawn(2, 16, 12), drawn(2, 3, 20), [])
    assert logits.shape == (2, 1, side, side)


def test_a_doubling_is_a_transposed_convolution_whose_map_lies_channels_last() -> None:
    torch.manual_seed(0)
    layer = torch.nn.ConvTranspose2d(6, 4, 2, stride=2, dtype=torch.float64)
    pixels = drawn(2, 6, 3, 5).double()
    made = doubled(pixels, layer)
    torch.testing.assert_close(made, layer(pixels))
    assert made.is_contiguous(memory_format=torch.channels_last)


def test_every_parameter_of_the_decoder_learns() -> None:
    model = decoder()
    model(drawn(2, 16, 12), drawn(2, 3, 20), []).square().sum().backward()
    idle = [name for name, parameter in model.named_parameters() if parameter.grad is None]
    assert idle == []


def test_identical_gene_tokens_decode_like_one_of_them() -> None:
    model, image, gene = decoder(), drawn(2, 16, 12), drawn(2, 1, 20)
    with torch.no_grad():
        torch.testing.assert_close(
            model(image, gene, []), model(image, gene.expand(-1, 5, -1), []), rtol=1e-4, atol=1e-5
        )


def test_the_order_of_gene_tokens_does_not_matter_to_the_decoder() -> None:
    model, image, genes = decoder(), drawn(2, 16, 12), drawn(2, 5, 20)
    with torch.no_grad():
        torch.testing.assert_close(model(image, genes, []), model(image, genes.flip(1), []), rtol=1e-4, atol=1e-5)


def test_attention_is_the_softmax_of_scaled_products() -> None:
    torch.manual_seed(0)
    attention = Attention(6, 1, 4)
    query, key, value = drawn(1, 2, 6), drawn(1, 3, 6), drawn(1, 4, 6)[:, :3]
    with torch.no_grad():
        weights = (attention.query(query) @ attention.key(key).transpose(1, 2) / 2).softmax(-1)  # sqrt(4) = 2
        expected = attention.out(weights @ attention.value(value))
        torch.testing.assert_close(attention(query, key, value), expected)


def test_logits_of_the_right_size_are_left_as_they_are_and_others_are_interpolated() -> None:
    logits = torch.tensor([[[[0.0, 4.0], [0.0, 4.0]]]])
    assert resize_logits(logits, 2) is logits
    assert resize_logits(logits, 4)[0, 0, 0].tolist() == [0.0, 1.0, 3.0, 4.0]
