import inspect
import math

import pytest
import torch
from torch import Tensor

from mgi.models.mgi import MGI, MixedPooling, SegmentPooling, build_dual_encoder, build_mgi, class_pooling, mean_pooling
from mgi.models.settings import ModelSettings

SETTINGS = ModelSettings(
    image_size=32,
    patch_size=8,
    image_width=16,
    image_depth=1,
    image_heads=2,
    gene_patch=4,
    gene_width=16,
    gene_depth=1,
    gene_state=4,
    projection_width=8,
    decoder_width=16,
    decoder_heads=2,
    decoder_depth=1,
    upsampling_stages=1,
)
N_GENES = 10
IMAGES = torch.randn(3, 1, 32, 32, generator=torch.Generator().manual_seed(0))
GENES = torch.randn(2, N_GENES, generator=torch.Generator().manual_seed(1))
PATIENT = torch.tensor([0, 1, 0])
BOTH = torch.tensor([True, True])


@pytest.fixture
def model() -> MGI:
    torch.manual_seed(0)
    built = build_mgi(SETTINGS, N_GENES).eval()
    torch.nn.init.normal_(built.null_token)  # trained, it is not zero
    return built


def segment(model: MGI, images: Tensor, genes: Tensor, patient: Tensor, has_genes: Tensor) -> Tensor:
    with torch.no_grad():
        return model(images, genes, patient, has_genes)


def close(one: Tensor, two: Tensor) -> bool:
    return torch.allclose(one, two, rtol=1e-4, atol=1e-5)


def test_logits_have_the_size_of_the_slice(model: MGI) -> None:
    assert segment(model, IMAGES, GENES, PATIENT, BOTH).shape == IMAGES.shape


def test_a_batch_is_its_slices_one_by_one(model: MGI) -> None:
    together = segment(model, IMAGES, GENES, PATIENT, BOTH)
    for row, patient in enumerate(PATIENT.tolist()):
        alone = segment(model, IMAGES[row : row + 1], GENES[patient : patient + 1], torch.tensor([0]), BOTH[:1])
        assert close(together[row], alone[0])


def test_genes_matter_where_they_are_given(model: MGI) -> None:
    with_genes = segment(model, IMAGES, GENES, PATIENT, BOTH)
    assert not close(with_genes, segment(model, IMAGES, GENES + 1, PATIENT, BOTH))


def test_without_genes_the_mask_is_independent_of_them(model: MGI) -> None:
    nobody = torch.tensor([False, False])
    plain = segment(model, IMAGES, GENES, PATIENT, nobody)
    assert torch.equal(plain, segment(model, IMAGES, GENES * 100 - 7, PATIENT, nobody))


def test_a_patient_without_genes_is_segmented_alike_whether_or_not_others_have_them(model: MGI) -> None:
    alone = segment(model, IMAGES, GENES, PATIENT, torch.tensor([False, False]))
    mixed = segment(model, IMAGES, GENES, PATIENT, torch.tensor([False, True]))
    assert close(alone[[0, 2]], mixed[[0, 2]])
    assert not close(alone[1], mixed[1])


def test_swapping_two_patients_genes_swaps_their_influence(model: MGI) -> None:
    same_slice = IMAGES[:1].expand(2, -1, -1, -1)
    rows = torch.tensor([0, 1])
    own = segment(model, same_slice, GENES, rows, BOTH)
    swapped = segment(model, same_slice, GENES.flip(0), rows, BOTH)
    assert not close(own[0], own[1])
    assert close(own.flip(0), swapped)
    assert close(swapped, segment(model, same_slice, GENES, rows.flip(0), BOTH))


def test_no_mask_can_enter_the_model() -> None:
    assert list(inspect.signature(MGI.forward).parameters) == ["self", "image", "genes", "patient", "has_genes"]
    assert list(inspect.signature(build_dual_encoder(SETTINGS, N_GENES).forward).parameters) == ["image", "genes"]


def test_the_null_token_learns_where_genes_are_missing(model: MGI) -> None:
    model(IMAGES, GENES, PATIENT, torch.tensor([False, True])).square().sum().backward()
    assert model.null_token.grad is not None
    assert model.null_token.grad.abs().sum() > 0


def test_the_aligner_gives_unit_vectors_whatever_the_scale_of_its_projections() -> None:
    torch.manual_seed(0)
    aligner = build_dual_encoder(SETTINGS, N_GENES).eval()
    with torch.no_grad():
        before = aligner(IMAGES[:2], GENES)
        for projection in (aligner.image_projection, aligner.gene_projection):
            for parameter in projection.parameters():
                parameter.mul_(3)
        after = aligner(IMAGES[:2], GENES)
    for one, two in zip(before, after, strict=True):
        assert one.shape == (2, 8)
        torch.testing.assert_close(one.norm(dim=-1), torch.ones(2))
        torch.testing.assert_close(one, two)


def test_the_same_seed_builds_the_same_weights_and_another_seed_others() -> None:
    states = []
    for seed in (3, 3, 4):
        torch.manual_seed(seed)
        states.append(build_mgi(SETTINGS, N_GENES).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    assert any(not torch.equal(states[0][name], states[2][name]) for name in states[0])


def counted(model: MGI) -> list[int]:
    """How many patients each call of the gene encoder gets, from here on."""
    rows: list[int] = []
    model.gene_encoder.register_forward_hook(lambda _, given, made: rows.append(len(given[0])))
    return rows


def test_a_patient_is_encoded_once_however_many_slices_and_not_at_all_without_genes(model: MGI) -> None:
    rows = counted(model)
    images = IMAGES[:1].expand(9, -1, -1, -1)
    segment(model, images, GENES, torch.tensor([0, 1] * 4 + [0]), BOTH)
    segment(model, IMAGES, GENES, PATIENT, torch.tensor([False, True]))
    segment(model, IMAGES, GENES, PATIENT, torch.tensor([False, False]))
    assert rows == [2, 1]


def test_the_gradient_of_a_patient_is_the_sum_over_its_slices(model: MGI) -> None:
    def gradients(slices: list[int]) -> list[Tensor]:
        model.zero_grad()
        model(IMAGES[slices], GENES, PATIENT[slices], BOTH).square().sum().backward()
        return [parameter.grad.clone() for parameter in model.gene_encoder.parameters() if parameter.grad is not None]

    whole = gradients([0, 1, 2])
    assert len(whole) == len(list(model.gene_encoder.parameters()))
    for together, *alone in zip(whole, *(gradients([row]) for row in range(3)), strict=True):
        torch.testing.assert_close(together, sum(alone), rtol=1e-4, atol=1e-5)


def test_decoding_what_was_encoded_is_the_whole_model(model: MGI) -> None:
    has_genes = torch.tensor([False, True])
    with torch.no_grad():
        encoded = model.encode(GENES[has_genes])
        seen = model.see(IMAGES)
        assert torch.equal(model.decode(seen, encoded, PATIENT, has_genes), model(IMAGES, GENES, PATIENT, has_genes))
        nobody = torch.tensor([False, False])
        assert torch.equal(model.decode(seen, None, PATIENT, nobody), model(IMAGES, GENES, PATIENT, nobody))


def test_the_decoder_sees_no_more_gene_tokens_than_allowed_and_all_genes_still_matter() -> None:
    torch.manual_seed(0)
    model = build_mgi(SETTINGS.but(gene_tokens="gene", fusion_tokens=3), N_GENES)
    seen: list[int] = []
    model.decoder.register_forward_hook(lambda _, given, made: seen.append(given[1].shape[1]))
    genes = GENES.clone().requires_grad_()
    model(IMAGES, genes, PATIENT, BOTH).square().sum().backward()
    assert seen == [3]
    assert genes.grad is not None
    assert (genes.grad.abs() > 0).all()
    assert [name for name, one in model.named_parameters() if one.grad is None] == []
    assert model.gene_resampling.blend.grad.abs() > 0


@pytest.mark.parametrize("name", ["flat_mlp", "group_attention"])
def test_encoders_with_tokens_of_their_own_segment_and_align(name: str) -> None:
    torch.manual_seed(0)
    settings = SETTINGS.but(gene_encoder=name, gene_groups=3)
    assert build_mgi(settings, N_GENES)(IMAGES, GENES, PATIENT, BOTH).shape == IMAGES.shape
    aligner = build_dual_encoder(settings, N_GENES)
    image, genes = aligner(IMAGES[:2], GENES)
    assert image.shape == genes.shape == (2, 8)


def test_the_class_token_of_group_attention_stands_for_the_patient() -> None:
    torch.manual_seed(0)
    aligner = build_dual_encoder(SETTINGS.but(gene_encoder="group_attention", gene_groups=3), N_GENES)
    tokens = torch.randn(2, 4, 16)
    assert torch.equal(aligner.gene_pooling(tokens), tokens[:, 0])


def test_the_pooling_of_genes_is_the_one_that_is_named() -> None:
    tokens = torch.randn(2, 4, 16)
    mean = build_dual_encoder(SETTINGS.but(gene_pooling="mean"), N_GENES).gene_pooling(tokens)
    assert torch.equal(mean, tokens.mean(1))
    mixed = build_dual_encoder(SETTINGS, N_GENES).gene_pooling(tokens)
    torch.testing.assert_close(mixed, (tokens.amax(1) + tokens.mean(1)) / 2)


TOKENS = torch.tensor([[[1.0, 4.0], [3.0, -2.0]]])  # maxima 3, 4; means 2, 1


def test_at_the_start_pooling_is_halfway_between_maximum_and_mean() -> None:
    assert MixedPooling()(TOKENS).tolist() == [[2.5, 2.5]]


def test_the_blend_is_the_share_of_the_maximum() -> None:
    pooling = MixedPooling()
    with torch.no_grad():
        pooling.blend.fill_(math.log(3))  # sigmoid: 3/4
    torch.testing.assert_close(pooling(TOKENS), torch.tensor([[2.75, 3.25]]))


def test_pooling_ignores_the_order_of_tokens_and_keeps_a_single_one() -> None:
    pooling = MixedPooling()
    assert torch.equal(pooling(TOKENS), pooling(TOKENS.flip(1)))
    assert torch.equal(pooling(TOKENS[:, :1]), TOKENS[:, 0])


def test_mean_pooling_is_the_mean() -> None:
    assert mean_pooling(TOKENS).tolist() == [[2.0, 1.0]]


def test_class_pooling_takes_the_first_token() -> None:
    assert class_pooling(TOKENS).tolist() == [[1.0, 4.0]]


@pytest.mark.parametrize(
    ("n_tokens", "at_most", "runs"), [(60660, 1024, 1011), (60660, 64, 64), (7, 3, 3), (7, 6, 4), (8, 1, 1)]
)
def test_more_tokens_than_allowed_are_pooled_to_no_more(n_tokens: int, at_most: int, runs: int) -> None:
    pooling = SegmentPooling(n_tokens, at_most)
    tokens = torch.zeros(2, n_tokens, 3)
    assert pooling.n_segments == runs <= at_most
    assert pooling(pooling.pool_segments(tokens)).shape == (2, runs, 3)


def test_each_run_is_pooled_as_mixed_pooling_would_the_shorter_last_one_too() -> None:
    tokens = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))
    pooling, mixed = SegmentPooling(7, 3), MixedPooling()
    with torch.no_grad():
        pooling.blend.fill_(0.7)
        mixed.blend.fill_(0.7)
    expected = torch.stack([mixed(tokens[:, start : start + 3]) for start in (0, 3, 6)], 1)
    torch.testing.assert_close(pooling(pooling.pool_segments(tokens)), expected)


@pytest.mark.parametrize("at_most", [5, 6, 1024])
def test_few_tokens_stay_as_they_are_and_nothing_is_learned(at_most: int) -> None:
    tokens = torch.randn(2, 5, 3)
    pooling = SegmentPooling(5, at_most)
    assert torch.equal(pooling(pooling.pool_segments(tokens)), tokens)
    assert list(pooling.parameters()) == []


def test_every_token_and_the_blend_learn() -> None:
    tokens = torch.randn(2, 7, 3, requires_grad=True)
    pooling = SegmentPooling(7, 3)
    pooling(pooling.pool_segments(tokens)).square().sum().backward()
    assert tokens.grad is not None
    assert (tokens.grad.abs() > 0).all()
    assert pooling.blend.grad is not None
    assert pooling.blend.grad.abs() > 0
