import logging
import math

import pytest
import torch

from mgi.core.errors import BadInputError, ConfigError
from mgi.datasets.augment import AugmentSettings
from mgi.datasets.modality_tables import ModalityTables
from mgi.models.multimodal import MultimodalEncoder, build_multimodal_encoder
from mgi.training.modality_weights import measured_weights
from mgi.training.multimodal import joint_vectors, multimodal_figures, pretrain_multimodal
from mgi.training.multimodal_batches import MultimodalPairs
from mgi.training.multimodal_loss import MultimodalLoss
from mgi.training.settings import PretrainSettings, ScheduleSettings

SIZES = {"cn": 6, "rna": 10}
SCHEDULE = ScheduleSettings(steps=6, batch=4, learning_rate=3e-3, warmup_steps=2, validate_every=3, checkpoint_every=2)
LONGER = SCHEDULE.but(steps=30, batch=8, validate_every=10, checkpoint_every=12)
SETTINGS = PretrainSettings(
    schedule=SCHEDULE, augment=AugmentSettings(flip=False), modalities=tuple(SIZES), missing="outer",
    modality_dropout=0.2, gene_noise=0.1,
)  # fmt: skip


@pytest.fixture
def several(pairs):
    def draw(count: int, seed: int = 0, missing: float = 0.3) -> MultimodalPairs:
        given, generator = pairs(count, seed), torch.Generator().manual_seed(seed)
        assert isinstance(given.genes, torch.Tensor)
        presence = torch.rand(count, 2, generator=generator) >= missing
        presence[:, 1] |= ~presence.any(1)
        values = {"rna": given.genes, "cn": given.genes[:, :6].sign()}
        return MultimodalPairs(slices=given.slices, tables=ModalityTables.dense(values, presence))

    return draw


@pytest.fixture
def encoders(model_settings):
    return lambda sizes=SIZES: build_multimodal_encoder(model_settings, sizes)


def same(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    mine, other = one.state_dict(), two.state_dict()
    return list(mine) == list(other) and all(torch.equal(mine[name], other[name]) for name in mine)


def test_the_same_seed_gives_the_same_weights_and_curve_in_whatever_order(run_context, encoders, several) -> None:
    found: list[tuple[MultimodalEncoder, list[float]]] = []
    for name, sizes in (("a", SIZES), ("b", dict(reversed(SIZES.items())))):
        context = run_context(name)
        settings = SETTINGS.but(modalities=tuple(sizes))
        model = encoders(sizes)
        curve = pretrain_multimodal(model, several(8), several(5, 1), settings, context=context)
        found.append((model, [point["loss"] for point in curve]))
    assert same(found[0][0], found[1][0])
    assert found[0][1] == found[1][1]


def test_training_aligns_the_patients_that_it_sees_by_each_modality(run_context, encoders, several) -> None:
    schedule = SCHEDULE.but(steps=120, batch=8, validate_every=120, checkpoint_every=120)
    settings = SETTINGS.but(schedule=schedule, masked_gene_weight=0.0, modality_dropout=0.0, gene_noise=0.0)
    training, context = several(8), run_context("a")
    point = pretrain_multimodal(encoders(), training, training, settings, context=context)[-1]
    for name, count in zip(("cn", "rna"), training.tables.presence.sum(0).tolist(), strict=True):
        assert point[f"validation_patients_{name}"] == count
        assert point[f"chance_loss_above_min_{name}"] == pytest.approx(math.log(count))
        assert point[f"loss_above_min_{name}"] < 0.8 * math.log(count)
        assert point[f"median_rank_{name}"] == 1
        assert point[f"chance_rank_{name}"] == (count + 1) / 2
    assert point["retrieval_at_1_joint"] > 0.5


def test_figures_without_a_name_are_means_by_the_weights(run_context, encoders, several) -> None:
    settings = SETTINGS.but(modality_weights={"rna": 3.0})
    point = pretrain_multimodal(encoders(), several(8), several(6, 1), settings, context=run_context("a"))[-1]
    figures = (
        "validation_loss", "validation_min_loss", "loss_above_min", "chance_loss_above_min", "mean_rank",
        "chance_rank", "retrieval_at_1",
    )  # fmt: skip
    for figure in figures:
        assert point[figure] == pytest.approx((point[f"{figure}_cn"] + 3 * point[f"{figure}_rna"]) / 4), figure
    assert point["score"] == -point["loss_above_min"]
    assert {"contrast_cn", "min_loss_rna", "masked_gene_loss_cn", "temperature_rna", "alignment_cn", "cn_rank"} <= set(
        point
    )


@pytest.mark.parametrize("kind", ["joint", "alpha", "multi_positive"])
def test_the_floor_of_a_loss_is_that_of_those_who_have_the_modality(kind, run_context, encoders, several) -> None:
    settings = SETTINGS.but(loss=kind)
    point = pretrain_multimodal(encoders(), several(8), several(6, 1), settings, context=run_context("a"))[-1]
    count = point["validation_patients_cn"]
    assert point["validation_min_loss_cn"] == pytest.approx(math.log(count) if kind == "joint" else 0.0)


def test_weights_of_the_best_mean_rank_can_be_kept(run_context, encoders, several) -> None:
    schedule = SCHEDULE.but(steps=16, batch=8, validate_every=2, checkpoint_every=16)
    settings = SETTINGS.but(schedule=schedule, keep="best_retrieval", learn_temperature=False)
    unseen, model, context = several(9, 1), encoders(), run_context("a")
    curve = pretrain_multimodal(model, several(8), unseen, settings, context=context)
    best = max(curve, key=lambda point: point["score"])
    with torch.no_grad():
        kept = multimodal_figures(MultimodalLoss(model, settings).eval(), unseen)
    assert kept["score"] == pytest.approx(best["score"], rel=1e-4)
    assert kept["mean_rank_rna"] == pytest.approx(best["mean_rank_rna"], rel=1e-4)


def test_patients_without_image_teach_the_encoders(run_context, encoders, several) -> None:
    settings = SETTINGS.but(missing="outer_genes", unpaired_batch=3, masked_gene_weight=0.0)
    models = []
    for name, unpaired in (("without", None), ("with", several(5, 3, missing=0.0).tables)):
        context, model = run_context(name), encoders()
        pretrain_multimodal(model, several(8), several(5, 1), settings, context=context, unpaired=unpaired)
        models.append(model)
    assert not same(models[0].of("cn"), models[1].of("cn"))


def test_a_modality_of_one_training_patient_is_refused_by_name(run_context, encoders, several) -> None:
    training = several(6)
    presence = training.tables.presence
    presence[:, 0] = False
    presence[2, 0] = True
    values = {name: torch.zeros(6, size) for name, size in SIZES.items()}
    lone = MultimodalPairs(slices=training.slices, tables=ModalityTables.dense(values, presence))
    with pytest.raises(BadInputError, match=r"^pretrain\.modalities: cn: found 1 training patients, expected 2"):
        pretrain_multimodal(encoders(), lone, lone, SETTINGS, context=run_context("a"))


def test_validation_patients_without_a_modality_are_no_error(run_context, encoders, several) -> None:
    validation = several(3, 1)
    none = torch.tensor([[False, True], [False, True], [False, False]])
    values = {name: torch.randn(3, size) for name, size in SIZES.items()}
    without = MultimodalPairs(slices=validation.slices, tables=ModalityTables.dense(values, none))
    point = pretrain_multimodal(encoders(), several(8), without, SETTINGS, context=run_context("a"))[-1]
    assert point["validation_patients_cn"] == 0
    assert "retrieval_at_1_cn" not in point
    assert point["retrieval_at_1"] == point["retrieval_at_1_rna"]
    assert math.isfinite(point["score"])
    empty = MultimodalPairs(slices=validation.slices, tables=ModalityTables.dense(values, torch.zeros_like(none)))
    point = pretrain_multimodal(encoders(), several(8), empty, SETTINGS, context=run_context("b"))[-1]
    assert point["score"] == point["validation_loss"] == 0


def test_a_collapsed_modality_is_a_line_in_the_log(run_context, encoders, several, caplog) -> None:
    validation = several(6, 1, missing=0.0)
    values = {"rna": validation.tables.values["rna"], "cn": torch.ones(6, 6)}
    alike = MultimodalPairs(slices=validation.slices, tables=ModalityTables.dense(values, torch.ones(6, 2).bool()))
    with caplog.at_level(logging.WARNING):
        pretrain_multimodal(encoders(), several(8), alike, SETTINGS, context=run_context("a"))
    lines = [one.getMessage() for one in caplog.records if "collapsed" in one.getMessage()]
    assert len([line for line in lines if "the cn vectors of 6" in line]) == 2  # at each of two validations
    assert not [line for line in lines if "the rna vectors" in line]


def test_measured_weights_are_those_of_the_last_validation_and_are_told(run_context, encoders, several, monkeypatch):
    used: list[dict[str, float]] = []
    original = MultimodalLoss.forward
    monkeypatch.setattr(
        MultimodalLoss, "forward", lambda self, *given: used.append(self.image_weights) or original(self, *given)
    )
    settings = SETTINGS.but(modality_weights="measured", schedule=LONGER)
    known = several(8, missing=0.1)  # what is trained on is found better than by a guess
    curve = pretrain_multimodal(encoders(), known, known, settings, context=run_context("a"))
    told = [{name: point[f"image_weight_{name}"] for name in SIZES} for point in curve]
    assert used == [dict.fromkeys(SIZES, 1.0)] * 10 + [told[0]] * 10 + [told[1]] * 10
    assert told == [measured_weights(point, tuple(SIZES)) for point in curve]
    assert told[1]["cn"] != 1


@pytest.mark.parametrize("more", [{}, {"modality_weights": "measured"}])
def test_a_killed_run_ends_alike(run_context, encoders, several, monkeypatch, more) -> None:
    settings = SETTINGS.but(missing="outer_genes", unpaired_batch=2, schedule=LONGER.but(ema_decay=0.5), **more)

    def run(name: str, dies_after: int | None = None):
        context, model, steps = run_context(name), encoders(), iter(range(100))
        original = MultimodalLoss.forward

        def forward(self, *given):
            if next(steps) == dies_after:
                raise KeyboardInterrupt
            return original(self, *given)

        with monkeypatch.context() as patched:
            patched.setattr(MultimodalLoss, "forward", forward)
            apart = several(4, 5).tables
            seen = several(8)
            curve = pretrain_multimodal(model, seen, seen, settings, context=context, unpaired=apart)
        return model, [{**point, "seconds": 0, "data_wait": 0} for point in curve]

    expected, curve = run("undisturbed")
    with pytest.raises(KeyboardInterrupt):
        run("killed", 27)
    resumed, again = run("killed")
    assert same(expected, resumed)
    assert again == curve
    assert not more or curve[1]["image_weight_cn"] != 1


def test_the_joint_vector_is_the_direction_of_the_mean_of_what_is_there() -> None:
    vectors = {"a": torch.tensor([[1.0, 0], [0, 1]]), "b": torch.tensor([[0.0, 1]])}
    places = {"a": torch.tensor([0, 3]), "b": torch.tensor([0])}
    joint, having = joint_vectors(vectors, places, 4)
    assert having.tolist() == [0, 3]
    torch.testing.assert_close(joint, torch.tensor([[0.5**0.5, 0.5**0.5], [0, 1]]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"modalities": []}, "pretrain.modalities: found []"),
        ({"modalities": ["rna", "rna"]}, 'pretrain.modalities: found ["rna", "rna"], expected no entry twice'),
        ({"modality_weights": {"cn": 1.0}}, "pretrain.modality_weights: found cn, expected of the modalities rna"),
        ({"modality_weights": {"rna": 0.0}}, "pretrain.modality_weights: found 0, expected one of them above 0"),
        ({"modality_weights": "median"}, "pretrain.modality_weights"),
        ({"permuted_modality": "cn"}, "pretrain.permuted_modality: found cn, expected of the modalities rna"),
        ({"missing": "outer_genes"}, "pretrain.missing: found outer_genes, expected inner or outer with"),
        ({"modalities": ["rna", "cn"], "missing": "outer_genes"}, "pretrain.unpaired_batch: found 0, expected 1"),
        ({"modalities": ["cn"], "loss": "simclr", "masked_gene_weight": 0.0}, "pretrain.modalities: found cn"),
    ],
)  # fmt: skip
def test_settings_that_contradict_each_other_are_named(given, message) -> None:
    with pytest.raises(ConfigError) as error:
        PretrainSettings.read({"schedule": {"steps": 3}} | given, where="pretrain")
    assert str(error.value).startswith(message)


def test_expression_alone_is_trained_as_before_there_were_others() -> None:
    plain = PretrainSettings.read({"schedule": {"steps": 3}})
    assert plain.modalities == ("rna",)
    assert not plain.is_multimodal
    assert plain.but(modalities=("cn",)).is_multimodal
    assert plain.but(permuted_modality="rna").is_multimodal
