import pytest
import torch

from mgi.models.image_encoder import ImageEncoder
from mgi.models.settings import ModelSettings

SETTINGS = ModelSettings(image_size=32, patch_size=8, image_width=16, image_depth=1, image_heads=2)


def test_a_slice_becomes_a_token_per_patch_and_none_besides() -> None:
    torch.manual_seed(0)
    encoder = ImageEncoder(SETTINGS).eval()
    image = torch.randn(2, 1, 32, 32)
    with torch.no_grad():
        tokens, all_tokens = encoder(image), encoder.vit(image)
    assert tokens.shape == (2, 16, 16)
    assert torch.equal(tokens, all_tokens[:, 1:])
    assert encoder.grid == 4


def test_tokens_come_row_by_row() -> None:
    torch.manual_seed(0)
    encoder = ImageEncoder(SETTINGS).eval()
    image = torch.zeros(1, 1, 32, 32)
    changed = image.clone()
    changed[..., 8:16, 24:32] = 1  # second row, last column of the grid
    with torch.no_grad():
        moved = (encoder.vit.patch_embed(changed) - encoder.vit.patch_embed(image)).abs().sum(-1)[0]
    assert moved.nonzero().flatten().tolist() == [1 * 4 + 3]


@pytest.mark.parametrize("stem", ["patch_embed", "conv"])
def test_the_neighbours_of_a_slice_are_seen(stem: str) -> None:
    settings = SETTINGS.but(image_stem=stem, context_slices=1)
    torch.manual_seed(0)
    encoder = ImageEncoder(settings).eval()
    side = settings.image_size
    image = torch.randn(1, 3, side, side)
    other = image.clone()
    other[:, 2] += torch.randn(side, side)
    with torch.no_grad():
        assert not torch.allclose(encoder(image), encoder(other))
