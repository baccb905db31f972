import torch

from mgi.models.conv_stem import ConvStem, UpsamplingPath, stem_channels
from mgi.models.mgi import build_mgi
from mgi.models.settings import ModelSettings

SETTINGS = ModelSettings(
    image_size=32,
    patch_size=8,
    image_stem="conv",
    stem_width=4,
    image_width=16,
    image_depth=1,
    image_heads=2,
    gene_encoder="mlp",
    gene_patch=5,
    gene_width=8,
    gene_depth=1,
    decoder_width=16,
    decoder_heads=2,
    decoder_depth=1,
    upsampling_stages=3,
)


def drawn(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


def test_channels_double_from_the_pixels_to_the_patches_and_stop_at_eight_widths() -> None:
    assert stem_channels(4, 8) == (4, 8, 16, 32)
    assert stem_channels(4, 32) == (4, 8, 16, 32, 32, 32)


def test_a_map_a_level_from_the_pixels_to_the_patch_grid() -> None:
    maps = ConvStem(4, 8)(drawn(2, 1, 32, 32))
    assert [tuple(one.shape) for one in maps] == [(2, 4, 32, 32), (2, 8, 16, 16), (2, 16, 8, 8), (2, 32, 4, 4)]


def test_the_ascent_ends_where_its_stages_do() -> None:
    maps = ConvStem(4, 8)(drawn(2, 1, 32, 32))
    for stages, shape in ((0, (2, 32, 4, 4)), (1, (2, 16, 8, 8)), (3, (2, 4, 32, 32))):
        assert UpsamplingPath(16, (4, 8, 16, 32), stages)(drawn(2, 16, 4, 4), maps).shape == shape


def test_the_hybrid_segments_on_the_pixels_grid_and_all_of_it_learns() -> None:
    torch.manual_seed(0)
    model = build_mgi(SETTINGS, 10)
    known = torch.tensor([True, False])  # one with genes and one without: the null token learns as well
    logits = model(drawn(3, 1, 32, 32), drawn(2, 10), torch.tensor([0, 1, 1]), known)
    assert logits.shape == (3, 1, 32, 32)
    logits.square().sum().backward()
    idle = [name for name, one in model.named_parameters() if one.grad is None]
    assert idle == []


def test_a_pixel_reaches_the_mask_beside_the_transformer() -> None:
    """The plain encoder sees a patch as a whole; through the pyramid a pixel moves its own neighbourhood most."""
    torch.manual_seed(0)
    model = build_mgi(SETTINGS, 10).eval()
    image = drawn(1, 1, 32, 32)
    touched = image.clone()
    touched[0, 0, 13, 21] += 3.0
    with torch.no_grad():
        genes, patient, known = drawn(1, 10), torch.tensor([0]), torch.tensor([True])
        change = (model(touched, genes, patient, known) - model(image, genes, patient, known)).abs()[0, 0]
    near = change[11:16, 19:24].mean()
    assert near > 3 * change.mean()


def test_plain_patches_have_no_pyramid() -> None:
    plain = build_mgi(SETTINGS.but(image_stem="patch_embed"), 10)
    assert plain.image_encoder.pyramid is None
    assert plain.image_encoder.with_maps(drawn(1, 1, 32, 32))[1] == []


def test_what_a_hidden_patch_holds_does_not_reach_its_neighbours() -> None:
    torch.manual_seed(0)
    encoder = build_mgi(SETTINGS, 10).image_encoder.eval()
    hidden = torch.zeros(1, 16, dtype=torch.bool)
    hidden[0, 5] = True  # second row, second column of 4 x 4
    image = drawn(1, 1, 32, 32)
    other = image.clone()
    other[0, 0, 8:16, 8:16] = 9.0
    with torch.no_grad():
        assert torch.equal(encoder(image, hidden, drawn(16)), encoder(other, hidden, drawn(16)))
        assert not torch.allclose(encoder(image), encoder(other))
