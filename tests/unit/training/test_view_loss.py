"""Pre-training on two views of each slice: no gene is read, and figures say what they are of."""

import logging
import math
from dataclasses import replace

import pytest
import torch
from torch.nn.functional import normalize

from mgi.core.errors import ConfigError
from mgi.datasets.settings import AugmentSettings
from mgi.models.mgi import build_dual_encoder
from mgi.training.barlow_twins import barlow_twins_loss, chance_barlow_twins
from mgi.training.loop import Randomness
from mgi.training.pretrain import Pairs, pretrain, validated
from mgi.training.pretrain_batches import Batch, BatchDrawer, largest_tumours, two_views
from mgi.training.settings import IMAGE_ALONE, PretrainSettings, ScheduleSettings
from mgi.training.simclr import nt_xent
from mgi.training.view_loss import ViewLoss

SCHEDULE = ScheduleSettings(steps=6, batch=4, learning_rate=3e-3, warmup_steps=2, validate_every=3, checkpoint_every=2)
SETTINGS = PretrainSettings(
    schedule=SCHEDULE, loss="simclr", masked_gene_weight=0.0, augment=AugmentSettings(noise=0.1), temperature=0.2
)
BARLOW = SETTINGS.but(loss="barlow_twins", redundancy_weight=0.1)
BOTH = pytest.mark.parametrize("settings", [SETTINGS, BARLOW], ids=IMAGE_ALONE)


def drawer(training: Pairs, settings: PretrainSettings) -> BatchDrawer:
    return BatchDrawer(
        training=training, unpaired=torch.ones(3, 10), settings=settings, randomness=Randomness.seeded(0),
        genes_per_token=4, patches=4,
    )  # fmt: skip


def trained(run_context, model_settings, name: str, training: Pairs, validation: Pairs, settings: PretrainSettings):
    context = run_context(name)
    encoders = build_dual_encoder(model_settings, 10)
    before = {key: value.clone() for key, value in encoders.state_dict().items()}
    return before, encoders.state_dict(), pretrain(encoders, training, validation, settings, context=context)


def test_a_batch_has_two_views_of_a_slice_each_of_different_patients_and_no_genes(pairs) -> None:
    training = pairs(6)
    batch = drawer(training, SETTINGS)(0)
    assert batch.images.shape == batch.second_views.shape == (4, 1, 16, 16)
    assert batch.patient.tolist() == [0, 1, 2, 3]  # one slice each: no negative is of the same patient
    assert not torch.equal(batch.images, batch.second_views)
    assert batch.genes.shape[1] == batch.whole.shape[1] == batch.hidden_genes.shape[1] == 0
    still = SETTINGS.but(augment=AugmentSettings(scale=0, rotation=0, flip=False, jitter=1e-12))
    batch = drawer(training, still)(0)
    torch.testing.assert_close(batch.images, batch.second_views)
    rows = [(training.slices.images - image).abs().amax((1, 2, 3)).argmin().item() for image in batch.images]
    assert len({int(training.slices.patient[row]) for row in rows}) == 4


def test_a_loss_of_genes_draws_what_it_drew_and_no_second_view(pairs) -> None:
    batch = drawer(pairs(6), SETTINGS.but(loss="clip"))(0)
    assert len(batch.second_views) == 0
    torch.testing.assert_close(batch.images, drawer(pairs(6), SETTINGS)(0).images)


@BOTH
def test_the_loss_is_that_of_the_projected_views(model_settings, pairs, settings) -> None:
    torch.manual_seed(0)
    model = ViewLoss(build_dual_encoder(model_settings, 10), settings).eval()
    batch = drawer(pairs(6), settings)(0)
    with torch.no_grad():
        loss, figures = model(batch)
        one, two = model.projected(batch.images), model.projected(batch.second_views)
        unit = model.encoders(batch.images, torch.zeros(4, 10))[0]
    torch.testing.assert_close(normalize(one, dim=-1), unit)
    of_simclr = nt_xent(normalize(one, dim=-1), normalize(two, dim=-1), 0.2)
    torch.testing.assert_close(loss, of_simclr if settings is SETTINGS else barlow_twins_loss(one, two, 0.1))
    assert figures == {"min_loss": 0}


@BOTH
def test_no_gene_reaches_the_weights_and_the_gene_encoder_stays_as_it_began(
    run_context, model_settings, pairs, settings
) -> None:
    training = pairs(6)
    others = replace(training, genes=torch.full_like(training.genes, math.nan))
    before, after, _ = trained(run_context, model_settings, "a", training, pairs(3, 1), settings)
    _, again, _ = trained(run_context, model_settings, "b", others, pairs(3, 1), settings)
    for name in after:
        assert torch.equal(after[name], again[name]), name
        of_genes = name.startswith("gene_")
        assert torch.equal(before[name], after[name]) is of_genes, name


@BOTH
def test_a_point_has_its_chance_and_no_figure_of_genes(run_context, model_settings, pairs, settings) -> None:
    _, _, curve = trained(run_context, model_settings, "a", pairs(6), pairs(5, 1), settings)
    point = curve[-1]
    assert not {"mean_rank", "median_rank", "retrieval_at_1", "gene_rank", "alignment", "contrast"} & set(point)
    assert (point["validation_min_loss"], point["min_loss"], point["chance_rank"]) == (0, 0, 3)
    assert point["score"] == -point["loss_above_min"] == -point["validation_loss"] < 0
    expected = math.log(9) if settings is SETTINGS else chance_barlow_twins(5, 8, 0.1)
    assert point["chance_loss_above_min"] == pytest.approx(expected)
    assert 1 <= point["view_mean_rank"] <= 5
    assert ("temperature" in point) is (settings is SETTINGS)


@BOTH
def test_training_tells_the_slices_apart(run_context, model_settings, pairs, settings) -> None:
    schedule = SCHEDULE.but(steps=60, batch=6, validate_every=30, checkpoint_every=60)
    settings = settings.but(schedule=schedule, augment=AugmentSettings(flip=False, rotation=3.0, noise=0.05))
    _, _, (first, last) = trained(run_context, model_settings, "a", pairs(6), pairs(6), settings)
    assert last["validation_loss"] < min(first["validation_loss"], 0.75 * last["chance_loss_above_min"])


@pytest.mark.parametrize(
    ("keep", "field", "sign"), [("lowest_loss", "loss_above_min", -1), ("best_retrieval", "view_mean_rank", -1)]
)
def test_what_is_kept_is_the_best_by_the_losses_own_figures(
    run_context, model_settings, pairs, keep, field, sign
) -> None:
    schedule = SCHEDULE.but(steps=12, batch=6, validate_every=2)
    settings = SETTINGS.but(schedule=schedule, keep=keep, learn_temperature=False)
    context, unseen = run_context("a"), pairs(7, 1)
    encoders = build_dual_encoder(model_settings, 10)
    curve = pretrain(encoders, pairs(6), unseen, settings, context=context)
    assert [point["score"] for point in curve] == [sign * point[field] for point in curve]
    with torch.no_grad():
        kept = validated(ViewLoss(encoders, settings).eval(), unseen)
    assert kept[field] == pytest.approx(min(point[field] for point in curve), rel=1e-4)


def test_every_validation_is_on_the_same_views_and_in_batches_as_in_one(model_settings, pairs) -> None:
    torch.manual_seed(0)
    encoders, unseen = build_dual_encoder(model_settings, 10).eval(), pairs(5, 1)
    with torch.no_grad():
        runs = [
            validated(ViewLoss(encoders, SETTINGS.but(schedule=SCHEDULE.but(batch=size))), unseen)
            for size in (2, 2, 32)
        ]
    assert runs[0] == runs[1] == pytest.approx(runs[2], rel=1e-4, abs=1e-5)


def test_the_slice_with_the_most_tumour_is_shown_twice(pairs) -> None:
    slices = pairs(3).slices
    rows = largest_tumours(slices)
    assert rows.tolist() == [1, 4, 7]
    one, two = two_views(slices, rows, AugmentSettings(scale=0, rotation=0, flip=False, jitter=0), torch.Generator())
    torch.testing.assert_close(one, slices.images[rows])
    assert torch.equal(one, two)


def test_a_run_that_is_killed_ends_alike(run_context, model_settings, pairs, monkeypatch) -> None:
    _, expected, curve = trained(run_context, model_settings, "undisturbed", pairs(6), pairs(3, 1), SETTINGS)
    original, steps = ViewLoss.forward, iter(range(100))

    def dying(self: ViewLoss, *given: Batch):
        if next(steps) == 3:
            raise KeyboardInterrupt
        return original(self, *given)

    monkeypatch.setattr(ViewLoss, "forward", dying)
    with pytest.raises(KeyboardInterrupt):
        trained(run_context, model_settings, "killed", pairs(6), pairs(3, 1), SETTINGS)
    monkeypatch.setattr(ViewLoss, "forward", original)
    _, resumed, again = trained(run_context, model_settings, "killed", pairs(6), pairs(3, 1), SETTINGS)
    assert all(torch.equal(expected[name], resumed[name]) for name in expected)
    assert [{**point, "seconds": 0, "data_wait": 0} for point in again] == [
        {**point, "seconds": 0, "data_wait": 0} for point in curve
    ]


def test_images_that_are_all_nearly_one_vector_are_a_line_in_the_log(model_settings, pairs, caplog) -> None:
    torch.manual_seed(0)
    model, unseen = ViewLoss(build_dual_encoder(model_settings, 10), SETTINGS).eval(), pairs(5, 1)
    torch.nn.init.zeros_(model.encoders.image_projection.weight)
    with torch.no_grad(), caplog.at_level(logging.WARNING):
        validated(model, unseen)
    assert "collapsed: the image vectors of 5 validation patients" in caplog.text


@pytest.mark.parametrize("loss", IMAGE_ALONE)
@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"masked_gene_weight": 1.0}, "masked_gene_weight: found 1.0, expected 0 with loss {loss}, which reads no"),
        ({"masked_patch_weight": 0.5}, "masked_patch_weight: found 0.5, expected 0 with loss {loss}"),
        ({"slices_per_patient": 2}, "slices_per_patient: found 2, expected 1 with loss {loss}"),
        ({"schedule": {"steps": 5, "batch": 1}}, "schedule.batch: found 1, expected 2 or more with loss {loss}"),
        (
            {"augment": {"scale": 0.0, "rotation": 0.0, "flip": False, "jitter": 0.0, "skull_strip": 0.5}},
            "augment: found no change of an image, expected some with loss {loss}, else both views are alike",
        ),
    ],
)  # fmt: skip
def test_what_would_read_genes_or_teach_nothing_is_refused(loss: str, given: dict, said: str) -> None:
    base = {"schedule": {"steps": 5}, "loss": loss, "masked_gene_weight": 0.0}
    with pytest.raises(ConfigError) as refused:
        PretrainSettings.read({**base, **given}, where="pretrain")
    assert str(refused.value).startswith(f"pretrain.{said.format(loss=loss)}")
