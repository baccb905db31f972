"""What a missing modality may change, to the last digits: its own terms, and nothing else."""

import math

import pytest
import torch
from torch import Tensor

from mgi.datasets.augment import AugmentSettings
from mgi.datasets.modality_tables import ModalityTables
from mgi.datasets.slices import SliceSet
from mgi.models.mgi import DualEncoder
from mgi.models.multimodal import build_multimodal_encoder
from mgi.training.contrastive import clip_loss, multi_positive_loss
from mgi.training.loop import Randomness
from mgi.training.multimodal_batches import ModalityDrawer, MultimodalBatch, MultimodalDrawer, MultimodalPairs
from mgi.training.multimodal_loss import MultimodalLoss, rows_with
from mgi.training.pretrain_batches import BatchDrawer, Pairs
from mgi.training.pretrain_loss import PretrainLoss
from mgi.training.settings import PretrainSettings, ScheduleSettings

SIZES = {"cn": 6, "mutation": 4, "rna": 10}
STILL = AugmentSettings(scale=0.0, rotation=0.0, flip=False, jitter=0.0)
SETTINGS = PretrainSettings(
    schedule=ScheduleSettings(steps=6, batch=8), augment=STILL, modalities=tuple(SIZES), missing="outer"
)
PLAIN = SETTINGS.but(masked_gene_weight=0.0)
ALL = torch.ones(8, 3, dtype=torch.bool)
SOME = torch.tensor([[1, 1, 1], [1, 0, 1], [0, 1, 1], [1, 1, 0], [1, 0, 0], [0, 0, 1], [0, 1, 0], [1, 1, 1]]).bool()


def values_of(count: int = 8, seed: int = 0) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(count, size, generator=generator) for name, size in SIZES.items()}


def drawer_of(
    slices: SliceSet,
    tables: ModalityTables,
    settings: PretrainSettings,
    numbers_per_token: dict[str, int],
    unpaired: ModalityTables | None = None,
) -> MultimodalDrawer:
    modalities = ModalityDrawer(
        training=tables,
        unpaired=unpaired,
        settings=settings,
        randomness=Randomness.seeded(0),
        numbers_per_token=numbers_per_token,
    )
    return MultimodalDrawer(training=MultimodalPairs(slices=slices, tables=tables), modalities=modalities)


@pytest.fixture
def batch(pairs):
    def draw(presence: Tensor, settings: PretrainSettings = PLAIN, unpaired: Tensor | None = None) -> MultimodalBatch:
        tables = ModalityTables.dense(values_of(), presence)
        more = None if unpaired is None else ModalityTables.dense(values_of(len(unpaired), 1), unpaired)
        drawer = drawer_of(pairs(8).slices, tables, settings, dict.fromkeys(SIZES, 1), unpaired=more)
        return drawer(0)

    return draw


@pytest.fixture
def model_of(model_settings):
    def make(settings: PretrainSettings = PLAIN, sizes: dict[str, int] = SIZES) -> MultimodalLoss:
        torch.manual_seed(0)
        return MultimodalLoss(build_multimodal_encoder(model_settings, sizes), settings)

    return make


def gradients(model: MultimodalLoss, batch: MultimodalBatch) -> dict[str, Tensor | None]:
    model.zero_grad(set_to_none=True)
    model(batch)[0].backward()
    return {name: parameter.grad for name, parameter in model.named_parameters()}


def test_a_contrast_is_over_those_alone_who_have_the_modality(batch, model_of) -> None:
    model, drawn = model_of(), batch(SOME)
    _, terms = model(drawn)
    with torch.no_grad():
        images = model.encoders.image_vectors(drawn.images)
        for name, rows in drawn.modalities.items():
            vectors = model.encoders.of(name)(rows.whole)
            expected = clip_loss(images[rows.places] @ vectors.T / 0.07, torch.arange(len(rows.places)))
            torch.testing.assert_close(terms[f"contrast_{name}"], expected)
        mean = torch.stack([terms[f"contrast_{name}"] for name in SIZES]).mean()
    torch.testing.assert_close(terms["contrast"], mean)


def test_with_everything_present_outer_is_inner(batch, model_of) -> None:
    inner, outer = (SETTINGS.but(missing=missing) for missing in ("inner", "outer"))
    losses = [model_of(settings)(batch(ALL, settings))[0] for settings in (inner, outer)]
    assert losses[0].item() == pytest.approx(losses[1].item(), abs=1e-6)


def test_a_modality_that_nobody_has_gets_no_gradient_and_leaves_the_others_loss(batch, model_of) -> None:
    presence = ALL.clone()
    presence[:, 0] = False  # cn
    loss, _ = model_of()(batch(presence))
    others = {name: size for name, size in SIZES.items() if name != "cn"}
    listed = PLAIN.but(modalities=tuple(others))
    drawn = batch(presence)
    assert loss.item() == pytest.approx(model_of(listed, others)(drawn)[0].item(), abs=1e-6)
    found = gradients(model_of(), drawn)
    assert all(grad is None for name, grad in found.items() if ".cn" in name)
    assert all(grad is not None for name, grad in found.items() if ".rna." in name)


@pytest.mark.parametrize("settings", [PLAIN, SETTINGS])
def test_one_patients_missing_modality_changes_its_own_terms_alone(batch, model_of, settings) -> None:
    less = ALL.clone()
    less[3, 0] = False
    model, (whole, partial) = model_of(settings), (batch(one, settings) for one in (ALL, less))
    before, after = model(whole)[1], model(partial)[1]
    assert before["contrast_cn"] != after["contrast_cn"]
    for name in ("mutation", "rna"):
        torch.testing.assert_close(before[f"contrast_{name}"], after[f"contrast_{name}"], atol=1e-6, rtol=0)


def test_the_gradient_of_a_modalitys_encoder_depends_on_no_other_modality(batch, model_of) -> None:
    model, less = model_of(), ALL.clone()
    less[:5, 0] = False
    before, after = gradients(model, batch(ALL)), gradients(model, batch(less))
    for name, grad in before.items():
        if name.startswith("encoders.modalities.rna."):
            torch.testing.assert_close(grad, after[name], atol=1e-6, rtol=0)
    assert not torch.equal(
        before["encoders.modalities.cn.projection.weight"], after["encoders.modalities.cn.projection.weight"]
    )


def test_numbers_of_a_patient_who_lacks_the_modality_are_never_read(pairs, model_of) -> None:
    values = values_of()
    values["cn"][SOME[:, 0].logical_not()] = math.nan
    tables = ModalityTables.dense(values, SOME)
    drawer = drawer_of(pairs(8).slices, tables, SETTINGS, dict.fromkeys(SIZES, 1))
    assert math.isfinite(model_of(SETTINGS)(drawer(0))[0].item())


def test_patients_without_any_modality_give_finite_numbers(batch, model_of) -> None:
    presence = SOME.clone()
    presence[2:5] = False
    assert math.isfinite(model_of(SETTINGS)(batch(presence, SETTINGS))[0].item())
    loss, terms = model_of()(batch(torch.zeros_like(SOME)))
    assert loss.item() == terms["contrast"].item() == terms["min_loss"].item() == 0
    found = gradients(model_of(), batch(torch.zeros_like(SOME)))
    assert all(grad is None or not grad.any() for grad in found.values())


def test_a_modality_of_one_patient_in_the_batch_contributes_nothing(batch, model_of) -> None:
    presence = ALL.clone()
    presence[:, 1] = False
    none = model_of()(batch(presence))
    presence[4, 1] = True  # mutation
    one = model_of()(batch(presence))
    assert "contrast_mutation" not in one[1]
    assert one[0].item() == pytest.approx(none[0].item(), abs=1e-6)


def test_the_order_of_the_modalities_changes_nothing(batch, model_of) -> None:
    backwards = SETTINGS.but(modalities=tuple(reversed(SIZES)))
    assert backwards == SETTINGS
    one = model_of(SETTINGS)(batch(SOME, SETTINGS))[0].item()
    other = model_of(backwards, dict(reversed(SIZES.items())))(batch(SOME, backwards))[0].item()
    assert one == pytest.approx(other, abs=1e-6)


def test_weights_are_shared_out_among_those_in_the_batch(batch, model_of) -> None:
    settings = PLAIN.but(modality_weights={"rna": 3.0, "cn": 0.5})
    terms = model_of(settings)(batch(SOME, settings))[1]
    expected = (3 * terms["contrast_rna"] + 0.5 * terms["contrast_cn"] + terms["contrast_mutation"]) / 4.5
    torch.testing.assert_close(terms["contrast"], expected)
    presence = SOME.clone()
    presence[:, 0] = False
    terms = model_of(settings)(batch(presence, settings))[1]
    torch.testing.assert_close(terms["contrast"], (3 * terms["contrast_rna"] + terms["contrast_mutation"]) / 4)


@pytest.mark.parametrize(
    "changes",
    [{}, {"loss": "joint"}, {"masked_view": "shared"}, {"masked_gene_shape": "span", "gene_noise": 0.3},
     {"loss": "multi_positive", "slices_per_patient": 2}, {"unpaired_batch": 3}],
)  # fmt: skip
def test_of_expression_alone_the_loss_is_that_of_the_dual_encoder(pairs, model_settings, changes) -> None:
    settings = PretrainSettings(schedule=ScheduleSettings(steps=6, batch=5), augment=STILL, **changes)
    given, more = pairs(8), torch.randn(4, 10, generator=torch.Generator().manual_seed(2))
    torch.manual_seed(0)
    encoders = build_multimodal_encoder(model_settings, {"rna": 10})
    rna = encoders.of("rna")
    dual = DualEncoder(encoders.image_encoder, rna.encoder, 8, rna.pooling)
    dual.image_pooling, dual.image_projection = encoders.image_pooling, encoders.image_projection
    dual.gene_projection = rna.projection
    several, alone = MultimodalLoss(encoders, settings), PretrainLoss(dual, settings)
    if settings.reconstructs_genes:
        alone.reconstruct.load_state_dict(several.reconstruct["rna"].state_dict())
    old = BatchDrawer(
        training=given, unpaired=more, settings=settings, randomness=Randomness.seeded(0), genes_per_token=4, patches=4
    )(0)
    # The same draws: the other drawer masks after it adds noise.
    rows = {"seen": torch.cat([old.genes, old.whole[len(old.genes) :]]), "whole": old.whole, "hidden": old.hidden_genes}
    made = drawer_of(given.slices, tables_of(given), settings, {"rna": 4})(0)
    assert torch.equal(made.patient, old.patient)
    torch.testing.assert_close(made.images, old.images)
    n_hidden = int(old.hidden_genes.sum())
    modality = type(made.modalities["rna"])(places=torch.arange(len(old.whole)), n_hidden=n_hidden, **rows)
    same = MultimodalBatch(images=old.images, patient=old.patient, imaged=len(old.genes), modalities={"rna": modality})
    torch.testing.assert_close(several(same)[0], alone(old)[0], atol=1e-6, rtol=1e-6)
    assert several(same)[1]["min_loss"].item() == pytest.approx(old.min_loss)


def tables_of(given: Pairs) -> ModalityTables:
    assert isinstance(given.genes, Tensor)
    return ModalityTables.dense({"rna": given.genes}, torch.ones(len(given), 1, dtype=torch.bool))


def test_patients_without_image_are_contrasted_between_their_modalities(batch, model_of) -> None:
    settings = PLAIN.but(missing="outer_genes", unpaired_batch=4)
    unpaired = torch.tensor([[1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 1, 1]]).bool()
    drawn = batch(SOME, settings, unpaired)
    model = model_of(settings)
    terms = model(drawn)[1]
    assert drawn.imaged == 8
    contrasts = [name.removeprefix("contrast_") for name in terms if name.startswith("contrast_")]
    assert sorted(contrasts) == ["cn", "cn+mutation", "cn+rna", "mutation", "mutation+rna", "rna"]
    with torch.no_grad():
        vectors = {name: model.encoders.of(name)(rows.whole) for name, rows in drawn.modalities.items()}
        cn, rna = (
            dict(zip(drawn.modalities[name].places.tolist(), vectors[name], strict=True)) for name in ("cn", "rna")
        )
        both = sorted(set(cn) & set(rna))
        assert max(both) >= 8
        similarity = torch.stack([cn[p] for p in both]) @ torch.stack([rna[p] for p in both]).T / 0.07
        torch.testing.assert_close(terms["contrast_cn+rna"], clip_loss(similarity, torch.arange(len(both))))
    torch.testing.assert_close(terms["contrast"], torch.stack([terms[f"contrast_{one}"] for one in contrasts]).mean())


def test_patients_without_image_reach_no_contrast_with_an_image(batch, model_of) -> None:
    settings = SETTINGS.but(unpaired_batch=4)
    model = model_of(settings)
    with_them, without = (model(batch(SOME, settings, more))[1] for more in (torch.ones(4, 3).bool(), None))
    for name in SIZES:
        torch.testing.assert_close(with_them[f"contrast_{name}"], without[f"contrast_{name}"], atol=1e-6, rtol=0)
    assert with_them["masked_gene_loss"] != without["masked_gene_loss"]


def test_several_slices_of_a_patient_are_all_positives_of_each_modality(batch, model_of) -> None:
    settings = PLAIN.but(loss="multi_positive", slices_per_patient=2)
    model, drawn = model_of(settings), batch(SOME, settings)
    loss, terms = model(drawn)
    rows = drawn.modalities["mutation"]
    with torch.no_grad():
        mine, column = rows_with(rows.places, drawn.patient, drawn.imaged)
        images = model.encoders.image_vectors(drawn.images)[mine]
        expected = multi_positive_loss(images @ model.encoders.of("mutation")(rows.whole).T / 0.07, column)
    torch.testing.assert_close(terms["contrast_mutation"], expected)
    assert loss.item() >= terms["min_loss"].item() > 0


def test_rows_of_patients_are_found_by_hand() -> None:
    mine, column = rows_with(torch.tensor([1, 3]), torch.tensor([0, 0, 1, 1, 2, 3]), 4)
    assert mine.tolist() == [2, 3, 5]
    assert column.tolist() == [0, 0, 1]


def test_a_modality_of_no_image_weight_moves_its_own_encoder_and_not_the_image(batch, model_of) -> None:
    drawn = batch(ALL)
    without = PLAIN.but(modalities=("cn", "rna"))
    few = gradients(model_of(without, {name: SIZES[name] for name in ("cn", "rna")}), drawn)
    model = model_of()
    before = gradients(model, drawn)
    model.image_weights = {"cn": 1.5, "mutation": 0.0, "rna": 1.5}
    after = gradients(model, drawn)
    for name, grad in after.items():
        if ".modalities." in name:
            torch.testing.assert_close(grad, before[name], atol=1e-7, rtol=0)
        elif name.startswith("encoders.image"):
            torch.testing.assert_close(grad, few[name], atol=1e-6, rtol=1e-4)
    assert model(drawn)[0].item() == pytest.approx(model_of()(drawn)[0].item(), abs=1e-6)
