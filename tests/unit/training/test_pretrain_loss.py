from dataclasses import replace

import pytest
import torch

from mgi.datasets.augment import AugmentSettings
from mgi.models.mgi import build_dual_encoder
from mgi.training.loop import Randomness
from mgi.training.pretrain_batches import Batch, BatchDrawer
from mgi.training.pretrain_loss import TEMPERATURE_BOUNDS, PretrainLoss
from mgi.training.settings import PretrainSettings, ScheduleSettings

SCHEDULE = ScheduleSettings(steps=6, batch=4)
STILL = AugmentSettings(scale=0.0, rotation=0.0, flip=False, jitter=0.0)
SETTINGS = PretrainSettings(schedule=SCHEDULE, augment=STILL)
EVERYTHING = SETTINGS.but(
    loss="multi_positive", slices_per_patient=2, masked_patch_weight=1.0, masked_patches=0.5,
    triplet_weight=1.0,
)  # fmt: skip


@pytest.fixture
def drawn(pairs):
    def draw(settings: PretrainSettings) -> Batch:
        drawer = BatchDrawer(
            training=pairs(4), unpaired=torch.zeros(0, 10), settings=settings, randomness=Randomness.seeded(0),
            genes_per_token=4, patches=4,
        )  # fmt: skip
        return drawer(0)

    return draw


@pytest.fixture
def objective(model_settings):
    def make(settings: PretrainSettings) -> PretrainLoss:
        torch.manual_seed(0)
        return PretrainLoss(build_dual_encoder(model_settings, 10), settings).eval()

    return make


def test_the_contrast_is_that_of_the_aligners_vectors(objective, drawn) -> None:
    model, batch = objective(EVERYTHING), drawn(EVERYTHING)
    with torch.no_grad():
        images, genes = model.encoders(batch.images, batch.genes)
        expected = model.contrast(images @ genes.T / 0.07, batch.patient)
        torch.testing.assert_close(model(batch)[1]["contrast"], expected, rtol=1e-4, atol=1e-5)


def test_the_loss_is_the_weighted_sum_of_its_terms(objective, drawn) -> None:
    settings = EVERYTHING.but(masked_gene_weight=3.0, masked_patch_weight=0.25, triplet_weight=2.0)
    loss, terms = objective(settings)(drawn(settings))
    expected = terms["contrast"] + 3 * terms["masked_gene_loss"] + 0.25 * terms["masked_patch_loss"]
    torch.testing.assert_close(loss, expected + 2 * terms["triplet_loss"])


@pytest.mark.parametrize("way", ["separate", "shared"])
def test_hidden_genes_are_unknown_to_the_encoder_and_only_they_are_scored(objective, drawn, way) -> None:
    settings = SETTINGS.but(masked_view=way)
    model, batch = objective(settings), drawn(settings)
    hidden = torch.zeros_like(batch.hidden_genes)
    hidden[:, 4] = True
    with torch.no_grad():
        term = model(replace(batch, hidden_genes=hidden, n_hidden_genes=len(hidden)))[1]["masked_gene_loss"]
        restored = model.reconstruct(model.pooled(batch.whole.masked_fill(hidden, 0.0)))
    torch.testing.assert_close(term, (restored[:, 4] - batch.whole[:, 4]).square().mean())


def test_in_a_shared_pass_the_contrast_sees_the_hidden_genes_as_the_training_mean(objective, drawn) -> None:
    settings = SETTINGS.but(masked_view="shared")
    model, batch = objective(settings), drawn(settings)
    with torch.no_grad():
        images, genes = model.encoders(batch.images, batch.genes.masked_fill(batch.hidden_genes, 0.0))
        expected = model.contrast(images @ genes.T / 0.07, batch.patient)
        torch.testing.assert_close(model(batch)[1]["contrast"], expected)


@pytest.mark.parametrize(("tokens", "way"), [("gene", "shared"), ("shared", "separate"), ("local", "separate")])
def test_by_default_the_view_is_shared_where_every_gene_is_a_token(model_settings, drawn, tokens, way) -> None:
    losses = []
    for view in ("auto", way):
        settings = SETTINGS.but(masked_view=view)
        torch.manual_seed(0)
        encoders = build_dual_encoder(model_settings.but(gene_tokens=tokens), 10)
        losses.append(PretrainLoss(encoders, settings).eval()(drawn(settings))[0])
    assert SETTINGS.masked_view == "auto"
    assert torch.equal(*losses)


def test_in_a_shared_pass_patients_without_image_are_restored_and_not_contrasted(objective, drawn) -> None:
    settings = SETTINGS.but(masked_view="shared")
    model, batch = objective(settings), drawn(settings)
    more = torch.cat([batch.whole, torch.randn(3, 10)])
    hidden = torch.cat([batch.hidden_genes, torch.ones(3, 10, dtype=torch.bool)])
    with torch.no_grad():
        alone, terms = model(batch)[1], model(replace(batch, whole=more, hidden_genes=hidden))[1]
    torch.testing.assert_close(terms["contrast"], alone["contrast"])
    assert terms["masked_gene_loss"] > alone["masked_gene_loss"]


def test_what_lies_under_the_mask_is_unseen_and_what_lies_beside_it_is_not(objective, drawn) -> None:
    encoder = objective(EVERYTHING).encoders.image_encoder
    images, token = drawn(EVERYTHING).images[:1], torch.ones(16)
    hidden = torch.tensor([[True, False, False, False]])
    under, beside = images.clone(), images.clone()
    under[..., :8, :8] += 1.0
    beside[..., 8:, 8:] += 1.0
    with torch.no_grad():
        before = encoder(images, hidden, token)
        assert torch.equal(encoder(under, hidden, token), before)
        assert not torch.equal(encoder(beside, hidden, token), before)
        nothing = torch.zeros_like(hidden)
        torch.testing.assert_close(encoder(images, nothing, token), encoder(images))


def test_each_part_teaches_the_encoders_and_its_own_head(objective, drawn) -> None:
    heads = {"masked_gene_loss": "reconstruct", "masked_patch_loss": "predict_patches", "triplet_loss": "fuse"}
    for term, head in heads.items():
        model = objective(EVERYTHING)
        model(drawn(EVERYTHING))[1][term].backward()
        taught = {name for name, parameter in model.named_parameters() if parameter.grad is not None}
        assert any(name.startswith(head) for name in taught), term
        assert any(name.startswith("encoders.gene_encoder") for name in taught), term
        assert any(name.startswith("encoders.image_encoder") for name in taught) is (term != "masked_gene_loss")
    model = objective(EVERYTHING)
    model(drawn(EVERYTHING))[0].backward()
    assert {name for name, parameter in model.named_parameters() if parameter.grad is None} == set()


def test_the_pooled_genes_help_to_predict_hidden_patches(objective, drawn) -> None:
    model, batch = objective(EVERYTHING), drawn(EVERYTHING)
    with torch.no_grad():
        seen = model.encoders.image_encoder(batch.images)
        pooled = model.encoders.gene_pooling(model.encoders.gene_encoder(batch.genes))
        own = model.hidden_patch_error(batch, seen, pooled)
        assert own.item() != model.hidden_patch_error(batch, seen, pooled.roll(1, 0)).item()


def test_the_triplet_has_another_slice_of_the_patient_and_the_genes_of_another(objective, drawn) -> None:
    model, batch = objective(EVERYTHING), drawn(EVERYTHING)
    images = torch.nn.functional.normalize(torch.randn(8, 8), dim=-1)
    genes = torch.nn.functional.normalize(torch.randn(4, 8), dim=-1)

    def fused(image: int, gene: int) -> torch.Tensor:
        return torch.nn.functional.normalize(model.fuse(torch.cat([images[image], genes[gene]])), dim=-1)

    with torch.no_grad():
        terms = []
        for one in range(8):
            patient, other = one // 2, one + 1 if one % 2 == 0 else one - 1
            near = (fused(one, patient) - fused(other, patient)).square().sum()
            far = (fused(one, patient) - fused(one, (patient + 1) % 4)).square().sum()
            terms.append(torch.relu(near - far + SETTINGS.triplet_margin))
        torch.testing.assert_close(model.triplet(images, genes, batch), torch.stack(terms).mean())


@pytest.mark.parametrize(("log_temperature", "bound"), [(-20.0, TEMPERATURE_BOUNDS[0]), (5.0, TEMPERATURE_BOUNDS[1])])
def test_the_temperature_stays_in_its_bounds(log_temperature, bound, objective) -> None:
    model = objective(SETTINGS)
    images, genes = torch.randn(3, 8), torch.randn(2, 8)
    with torch.no_grad():
        model.log_temperature.fill_(log_temperature)
        torch.testing.assert_close(model.similarity(images, genes), images @ genes.T / bound)


def test_a_fixed_temperature_does_not_learn(objective) -> None:
    for learns in (True, False):
        assert objective(SETTINGS.but(learn_temperature=learns)).log_temperature.requires_grad is learns
