import pytest
import torch
from torch import Tensor

from mgi.models.baselines import build_unet
from mgi.models.fusion import TUMOUR_LOG_ODDS
from mgi.models.mgi import MGI, build_dual_encoder, build_mgi
from mgi.models.settings import ModelSettings

SETTINGS = ModelSettings(
    fusion="film", image_size=32, gene_patch=4, gene_width=16, gene_depth=1, gene_state=4, projection_width=8,
    baseline_width=4, convolution_norm="batch",
)  # fmt: skip
N_GENES = 10
IMAGES = torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
GENES = torch.randn(2, N_GENES, generator=torch.Generator().manual_seed(1))
PATIENT = torch.tensor([0, 1, 0])


@pytest.fixture
def model() -> MGI:
    torch.manual_seed(0)
    return build_mgi(SETTINGS, N_GENES).eval()


def segment(model: MGI, genes: Tensor = GENES, has: tuple[bool, bool] = (True, True)) -> Tensor:
    with torch.no_grad():
        return model(IMAGES, genes, PATIENT, torch.tensor(has))


def trained(model: MGI) -> MGI:
    """With scales, shifts and a null token that are no longer those of the start."""
    torch.manual_seed(1)
    for parameter in (model.decoder.film.weight, model.decoder.film.bias, model.null_token):
        torch.nn.init.normal_(parameter, std=50)
    return model


def test_it_starts_as_the_u_net_of_the_comparison_whatever_the_genes(model: MGI) -> None:
    torch.manual_seed(5)
    unet = build_unet(SETTINGS).eval()
    parts = dict(unet.named_children())
    down, up = list(parts)[:5], list(parts)[5:9]
    assert list(parts)[9] == "final_conv"
    for half, names in ((model.image_encoder, down), (model.decoder, up)):
        for level, name in zip(half.levels, names, strict=True):
            level.load_state_dict(parts[name].state_dict())
    model.decoder.head.load_state_dict(parts["final_conv"].state_dict())
    with torch.no_grad():
        expected = unet(IMAGES) + TUMOUR_LOG_ODDS
    for given in (segment(model), segment(model, -GENES), segment(model, has=(False, False))):
        torch.testing.assert_close(given, expected, rtol=1e-4, atol=1e-4)


def test_its_parameters_are_those_of_the_u_net_and_the_genes(model: MGI) -> None:
    unet = sum(one.numel() for one in build_unet(SETTINGS).parameters())
    halves = [*model.image_encoder.parameters(), *model.decoder.parameters()]
    film = 2 * 32 * (16 + 1)
    assert sum(one.numel() for one in halves) == unet + film + 1


def test_genes_and_the_null_token_move_the_mask_of_their_own_patient(model: MGI) -> None:
    model = trained(model)
    both, first, none = segment(model), segment(model, has=(True, False)), segment(model, has=(False, False))
    # In an untrained U-Net the bottleneck moves the mask by little: what is the same must be so to the last bits.
    torch.testing.assert_close(both[[0, 2]], first[[0, 2]], rtol=0, atol=2e-6)
    torch.testing.assert_close(first[1], none[1], rtol=0, atol=2e-6)
    assert (both[1] - first[1]).abs().max() > 1e-4
    assert ((both - segment(model, GENES.flip(0))).abs().amax((1, 2, 3)) > 2e-5).all()


def test_a_batch_is_its_slices_one_by_one(model: MGI) -> None:
    together = segment(trained(model))
    with torch.no_grad():
        for row, patient in enumerate(PATIENT.tolist()):
            alone = model(IMAGES[row : row + 1], GENES[patient : patient + 1], torch.tensor([0]), torch.tensor([True]))
            torch.testing.assert_close(together[row : row + 1], alone, rtol=0, atol=2e-6)


def test_gradients_reach_all_but_the_genes_at_the_start_and_the_genes_too_after(model: MGI) -> None:
    def gradients() -> dict[str, bool]:
        model.zero_grad()
        model(IMAGES, GENES, PATIENT, torch.tensor([True, False])).square().sum().backward()
        return {name: one.grad is not None and bool(one.grad.any()) for name, one in model.named_parameters()}

    start = gradients()
    assert start["decoder.film.weight"]
    assert start["image_encoder.levels.0.conv_0.conv.weight"]
    assert not start["null_token"]
    after = trained(model) and gradients()
    assert after["null_token"]
    assert all(after[name] for name in after if name.startswith("gene_encoder") and name.endswith("weight"))


@pytest.mark.parametrize("size", [32, 40])
def test_the_image_s_vector_is_the_pooled_bottleneck_and_hidden_places_are_not_seen(size: int) -> None:
    torch.manual_seed(0)
    encoders = build_dual_encoder(SETTINGS.but(image_size=size), N_GENES).eval()
    encoder = encoders.image_encoder
    images = torch.randn(2, 1, size, size, generator=torch.Generator().manual_seed(2))
    tokens, maps = encoder.with_maps(images)
    assert tokens.shape == (2, encoder.grid**2, encoder.width) == (2, 4, 32)
    assert torch.equal(tokens, maps[-1].flatten(2).transpose(1, 2))
    vectors, genes = encoders(images, GENES)
    assert vectors.shape == genes.shape == (2, 8)
    hidden = torch.tensor([[True, False, False, False]] * 2)
    token = torch.full((32,), 3.0)
    other = images.clone()
    other[:, :, : size // 2, : size // 2] += 5
    seen, same = encoder(images, hidden, token), encoder(other, hidden, token)
    assert torch.equal(seen, same)
    assert not torch.allclose(seen, tokens, atol=1e-2)
    nothing = encoder(images, hidden & False, token)
    torch.testing.assert_close(nothing, tokens)
