import logging
import math

import pytest
import torch

from mgi.core.errors import BadInputError, ConfigError
from mgi.datasets.augment import AugmentSettings
from mgi.models.mgi import build_dual_encoder
from mgi.training.pretrain import Pairs, alignment_figures, compile_where_it_pays, pretrain
from mgi.training.pretrain_loss import TEMPERATURE_BOUNDS, PretrainLoss
from mgi.training.settings import PretrainSettings, ScheduleSettings

SCHEDULE = ScheduleSettings(steps=6, batch=4, learning_rate=3e-3, warmup_steps=2, validate_every=3, checkpoint_every=2)
SETTINGS = PretrainSettings(schedule=SCHEDULE, augment=AugmentSettings(flip=False))


def trained(run_context, model_settings, training: Pairs, validation: Pairs, settings=SETTINGS):
    aligner = build_dual_encoder(model_settings, 10)
    return aligner, pretrain(aligner, training, validation, settings, context=run_context)


def same(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    mine, other = one.state_dict(), two.state_dict()
    return all(torch.equal(mine[name], other[name]) for name in mine)


def test_the_same_seed_gives_the_same_weights_and_curve(run_context, model_settings, pairs) -> None:
    one, curve = trained(run_context("a"), model_settings, pairs(6), pairs(3, 1))
    two, again = trained(run_context("b"), model_settings, pairs(6), pairs(3, 1))
    assert same(one, two)
    assert [point["loss"] for point in curve] == [point["loss"] for point in again]
    assert not same(one, trained(run_context("c", 1), model_settings, pairs(6), pairs(3, 1))[0])


def test_validation_patients_never_reach_the_weights(run_context, model_settings, pairs) -> None:
    one, _ = trained(run_context("a"), model_settings, pairs(6), pairs(3, 1))
    two, _ = trained(run_context("b"), model_settings, pairs(6), pairs(5, 2))
    assert same(one, two)


@pytest.mark.parametrize("kind", ["joint", "clip", "alpha", "multi_positive"])
def test_a_point_reports_the_loss_above_its_floor_and_the_retrieval(kind, run_context, model_settings, pairs) -> None:
    _, curve = trained(run_context("a"), model_settings, pairs(6), pairs(3, 1), SETTINGS.but(loss=kind))
    assert [point["step"] for point in curve] == [3, 6]
    point = curve[-1]
    least = math.log(3) if kind == "joint" else 0.0
    assert point["loss_above_min"] == pytest.approx(point["validation_loss"] - least)
    assert point["score"] == -point["loss_above_min"]
    assert point["loss_above_min"] >= 0
    assert 1 <= point["median_rank"] <= 3
    assert 0 <= point["retrieval_at_1"] <= 1
    assert point["validation_patients"] == 3


def test_training_aligns_the_patients_that_it_sees(run_context, model_settings, pairs) -> None:
    schedule = SCHEDULE.but(steps=60, batch=6, validate_every=60, checkpoint_every=60)
    settings = SETTINGS.but(schedule=schedule, masked_gene_weight=0.0)
    training = pairs(6)
    _, curve = trained(run_context("a"), model_settings, training, training, settings)
    assert curve[-1]["validation_loss"] < 0.75 * math.log(6)  # ln 6 is collapse
    assert curve[-1]["median_rank"] == 1


@pytest.mark.parametrize(("keep", "field"), [("lowest_loss", "validation_loss"), ("best_retrieval", "mean_rank")])
def test_the_weights_of_the_best_validation_can_be_kept(keep, field, run_context, model_settings, pairs) -> None:
    schedule = SCHEDULE.but(steps=24, batch=6, validate_every=2, checkpoint_every=24)
    settings, unseen = SETTINGS.but(schedule=schedule, keep=keep, learn_temperature=False), pairs(9, 1)
    aligner, curve = trained(run_context("a"), model_settings, pairs(6), unseen, settings)
    best = min(point[field] for point in curve)
    assert len({point[field] for point in curve}) > 1
    kept = alignment_figures(PretrainLoss(aligner, settings), unseen)
    assert kept[field] == pytest.approx(best, rel=1e-4)


def test_one_training_patient_is_no_error(run_context, model_settings, pairs) -> None:
    _, curve = trained(run_context("a"), model_settings, pairs(1), pairs(1, 1))
    assert curve[-1]["retrieval_at_1"] == 1.0


def test_no_gene_masked_is_no_reconstruction_and_no_error(run_context, model_settings, pairs) -> None:
    one, _ = trained(run_context("a"), model_settings, pairs(6), pairs(3, 1), SETTINGS.but(masked_genes=0.0))
    two, _ = trained(run_context("b"), model_settings, pairs(6), pairs(3, 1), SETTINGS.but(masked_gene_weight=0.0))
    assert same(one, two)


def test_mixed_precision_on_a_cpu_is_refused_before_the_first_step(run_context, model_settings, pairs) -> None:
    settings = SETTINGS.but(schedule=SCHEDULE.but(precision="bf16"))
    with pytest.raises(ConfigError, match=r"pretrain\.schedule\.precision: bf16 "):
        trained(run_context("a"), model_settings, pairs(6), pairs(3, 1), settings)


def test_values_that_are_not_numbers_stop_the_run(run_context, model_settings, pairs) -> None:
    training = pairs(6)
    broken = Pairs(slices=training.slices, genes=training.genes.clone().fill_(float("nan")))
    with pytest.raises(BadInputError, match=r"a: loss .*nan .*step 0"):
        trained(run_context("a"), model_settings, broken, pairs(3, 1))


def test_patients_without_image_teach_the_gene_encoder_and_nothing_else_needs_them(
    run_context, model_settings, pairs
) -> None:
    settings = SETTINGS.but(unpaired_batch=3)
    more = torch.randn(5, 10, generator=torch.Generator().manual_seed(3))
    weights = []
    for name, given in (("without", None), ("with", more), ("others", -more)):
        aligner = build_dual_encoder(model_settings, 10)
        torch.manual_seed(0)
        context_of = run_context(name)
        aligner = build_dual_encoder(model_settings, 10)
        pretrain(aligner, pairs(6), pairs(3, 1), settings, context=context_of, unpaired=given)
        weights.append(aligner.gene_encoder)
    assert not same(weights[0], weights[1])
    assert not same(weights[1], weights[2])


def test_patients_without_image_are_not_drawn_where_no_gene_is_masked(run_context, model_settings, pairs) -> None:
    settings = SETTINGS.but(unpaired_batch=3, masked_gene_weight=0.0)
    trained_weights = []
    for name, given in (("without", None), ("with", torch.ones(5, 10))):
        context_of = run_context(name)
        aligner = build_dual_encoder(model_settings, 10)
        pretrain(aligner, pairs(6), pairs(3, 1), settings, context=context_of, unpaired=given)
        trained_weights.append(aligner)
    assert same(*trained_weights)


def test_the_terms_of_the_loss_and_their_floor_are_in_the_curve(run_context, model_settings, pairs) -> None:
    settings = SETTINGS.but(loss="multi_positive", slices_per_patient=2, masked_patch_weight=0.5, triplet_weight=2.0)
    _, curve = trained(run_context("a"), model_settings, pairs(6), pairs(3, 1), settings)
    for point in curve:
        assert point["min_loss"] == pytest.approx(math.log(2) / 2)
        assert point["contrast"] > point["min_loss"]
        terms = point["contrast"] + point["masked_gene_loss"]
        terms += 0.5 * point["masked_patch_loss"] + 2 * point["triplet_loss"]
        assert point["loss"] == pytest.approx(terms, rel=1e-5)
        assert point["validation_min_loss"] == 0


def test_a_term_of_no_weight_is_neither_learned_nor_logged(run_context, model_settings, pairs) -> None:
    settings = SETTINGS.but(masked_gene_weight=0.0)
    _, curve = trained(run_context("a"), model_settings, pairs(6), pairs(3, 1), settings)
    assert not {"masked_gene_loss", "masked_patch_loss", "triplet_loss"} & set(curve[0])
    assert curve[0]["loss"] == pytest.approx(curve[0]["contrast"])


def test_each_point_has_the_monitors_of_both_spaces(run_context, model_settings, pairs) -> None:
    _, curve = trained(run_context("a"), model_settings, pairs(6), pairs(5, 1))
    for name in ("image", "gene"):
        assert 1 <= curve[-1][f"{name}_rank"] <= 5
        assert curve[-1][f"{name}_uniformity"] <= 0
        assert curve[-1][f"{name}_spread"] >= 0
    assert 0 <= curve[-1]["alignment"] <= 4
    assert TEMPERATURE_BOUNDS[0] <= curve[-1]["temperature"] <= TEMPERATURE_BOUNDS[1]


def test_a_collapsed_space_is_a_line_in_the_log(run_context, model_settings, pairs, caplog) -> None:
    training, validation = pairs(6), pairs(5, 1)
    alike = Pairs(slices=validation.slices, genes=torch.ones_like(validation.genes))
    with caplog.at_level(logging.WARNING):
        trained(run_context("a"), model_settings, training, alike)
    warned = [record.getMessage() for record in caplog.records if "collapsed" in record.getMessage()]
    assert len([line for line in warned if "gene vectors of 5" in line]) == 2  # at each of two validations


def test_validation_in_several_batches_is_that_of_one(model_settings, pairs) -> None:
    torch.manual_seed(0)
    aligner = build_dual_encoder(model_settings, 10).eval()
    figures = []
    for batch in (2, 32):
        settings = SETTINGS.but(schedule=SCHEDULE.but(batch=batch))
        with torch.no_grad():
            figures.append(alignment_figures(PretrainLoss(aligner, settings).eval(), pairs(5, 1)))
    assert figures[0] == pytest.approx(figures[1], rel=1e-4, abs=1e-5)


def test_only_on_a_gpu_is_the_image_encoder_compiled_and_its_weights_keep_their_names(
    model_settings, caplog, monkeypatch
) -> None:
    monkeypatch.setattr(torch, "compile", lambda function: function)  # what it makes is torch's affair
    encoder = build_dual_encoder(model_settings, 10).image_encoder
    names = list(encoder.state_dict())
    compile_where_it_pays(encoder, torch.device("cuda"), wanted=False)
    with caplog.at_level(logging.INFO):
        compile_where_it_pays(encoder, torch.device("cpu"), wanted=True)
    assert "going on without" in caplog.text
    assert encoder._compiled_call_impl is None
    compile_where_it_pays(encoder, torch.device("cuda"), wanted=True)
    assert encoder._compiled_call_impl is not None
    assert list(encoder.state_dict()) == names


def test_a_run_of_all_losses_killed_at_any_step_ends_alike(run_context, model_settings, pairs, monkeypatch) -> None:
    settings = SETTINGS.but(loss="multi_positive", slices_per_patient=2, masked_gene_shape="span", unpaired_batch=2,
        masked_patch_weight=0.5, triplet_weight=0.5, gene_noise=0.1,
    )  # fmt: skip

    def run(name: str, dies_after: int | None = None):
        context_of = run_context(name)
        aligner = build_dual_encoder(model_settings, 10)
        original = PretrainLoss.forward
        steps = iter(range(100))

        def forward(self, *given):
            if next(steps) == dies_after:
                raise KeyboardInterrupt
            return original(self, *given)

        with monkeypatch.context() as patched:
            patched.setattr(PretrainLoss, "forward", forward)
            curve = pretrain(aligner, pairs(6), pairs(3, 1), settings, context=context_of, unpaired=torch.ones(4, 10))
        return aligner, [{**point, "seconds": 0, "data_wait": 0} for point in curve]

    expected, curve = run("undisturbed")
    for dies_after in (3, 5):
        with pytest.raises(KeyboardInterrupt):
            run(f"killed{dies_after}", dies_after)
        resumed, resumed_curve = run(f"killed{dies_after}")
        assert same(expected, resumed)
        assert resumed_curve == curve


def test_the_digest_of_the_data_sees_every_pixel_mask_and_gene(pairs) -> None:
    digests = {pairs(2).digest()}
    assert digests == {pairs(2).digest()}
    for change in ("images", "masks", "genes"):
        changed = pairs(2)
        tensor = changed.genes if change == "genes" else getattr(changed.slices, change)
        tensor[0].view(-1)[3] += 1
        digests.add(changed.digest())
    assert len(digests) == 4


def test_each_patient_of_a_batch_is_encoded_once_a_view(run_context, model_settings, pairs) -> None:
    """A view of the contrast, and one with masked genes; three patients in each of the two validations."""
    run = run_context("a")
    aligner, rows = build_dual_encoder(model_settings, 10), []
    aligner.gene_encoder.register_forward_hook(lambda _, given, made: rows.append(len(given[0])))
    schedule = SCHEDULE.but(steps=2, validate_every=1)
    pretrain(aligner, pairs(6), pairs(3, 1), SETTINGS.but(schedule=schedule), context=run)
    assert rows == [4, 4, 3] * 2
