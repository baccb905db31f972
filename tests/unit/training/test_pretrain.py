import math
from dataclasses import replace

import pytest
import torch

from mgi.core.errors import BadInputError, ConfigError
from mgi.datasets.augment import AugmentSettings
from mgi.models.mgi import build_aligner
from mgi.training.pretrain import TEMPERATURE_BOUNDS, Contrast, Pairs, pretrain
from mgi.training.settings import PretrainSettings, ScheduleSettings

SCHEDULE = ScheduleSettings(steps=6, batch=4, learning_rate=3e-3, warmup_steps=2, validate_every=3, checkpoint_every=2)
SETTINGS = PretrainSettings(schedule=SCHEDULE, augment=AugmentSettings(flip=False))


def trained(place, model_settings, training: Pairs, validation: Pairs, settings=SETTINGS):
    aligner = build_aligner(model_settings, 10)
    return aligner, pretrain(aligner, training, validation, settings, place=place)


def same(one: torch.nn.Module, two: torch.nn.Module) -> bool:
    mine, other = one.state_dict(), two.state_dict()
    return all(torch.equal(mine[name], other[name]) for name in mine)


def test_the_same_seed_gives_the_same_weights_and_curve(place, model_settings, pairs) -> None:
    one, curve = trained(place("a"), model_settings, pairs(6), pairs(3, 1))
    two, again = trained(place("b"), model_settings, pairs(6), pairs(3, 1))
    assert same(one, two)
    assert [point["loss"] for point in curve] == [point["loss"] for point in again]
    assert not same(one, trained(place("c", 1), model_settings, pairs(6), pairs(3, 1))[0])


def test_validation_patients_never_reach_the_weights(place, model_settings, pairs) -> None:
    one, _ = trained(place("a"), model_settings, pairs(6), pairs(3, 1))
    two, _ = trained(place("b"), model_settings, pairs(6), pairs(5, 2))
    assert same(one, two)


@pytest.mark.parametrize("kind", ["joint", "clip"])
def test_a_point_reports_the_loss_above_its_floor_and_the_retrieval(kind, place, model_settings, pairs) -> None:
    _, curve = trained(place("a"), model_settings, pairs(6), pairs(3, 1), replace(SETTINGS, loss=kind))
    assert [point["step"] for point in curve] == [3, 6]
    point = curve[-1]
    floor = math.log(3) if kind == "joint" else 0.0
    assert point["loss_above_floor"] == pytest.approx(point["validation_loss"] - floor)
    assert point["score"] == -point["loss_above_floor"]
    assert point["loss_above_floor"] >= 0
    assert 1 <= point["median_rank"] <= 3
    assert 0 <= point["retrieval_at_1"] <= 1
    assert point["validation_patients"] == 3


def test_training_aligns_the_patients_that_it_sees(place, model_settings, pairs) -> None:
    schedule = replace(SCHEDULE, steps=60, batch=6, validate_every=60, checkpoint_every=60)
    settings = replace(SETTINGS, schedule=schedule, masked_gene_weight=0.0)
    training = pairs(6)
    _, curve = trained(place("a"), model_settings, training, training, settings)
    assert curve[-1]["validation_loss"] < 0.75 * math.log(6)  # ln 6 is collapse
    assert curve[-1]["median_rank"] == 1


def test_one_training_patient_is_no_error(place, model_settings, pairs) -> None:
    _, curve = trained(place("a"), model_settings, pairs(1), pairs(1, 1))
    assert curve[-1]["retrieval_at_1"] == 1.0


def test_no_gene_masked_is_no_reconstruction_and_no_error(place, model_settings, pairs) -> None:
    one, _ = trained(place("a"), model_settings, pairs(6), pairs(3, 1), replace(SETTINGS, masked_genes=0.0))
    two, _ = trained(place("b"), model_settings, pairs(6), pairs(3, 1), replace(SETTINGS, masked_gene_weight=0.0))
    assert same(one, two)


def test_mixed_precision_on_a_cpu_is_refused_before_the_first_step(place, model_settings, pairs) -> None:
    settings = replace(SETTINGS, schedule=replace(SCHEDULE, precision="bf16"))
    with pytest.raises(ConfigError, match=r"pretrain.schedule.precision: bf16 needs a GPU"):
        trained(place("a"), model_settings, pairs(6), pairs(3, 1), settings)


def test_values_that_are_not_numbers_stop_the_run(place, model_settings, pairs) -> None:
    training = pairs(6)
    broken = Pairs(slices=training.slices, genes=training.genes.clone().fill_(float("nan")))
    with pytest.raises(BadInputError, match="a: loss is nan at step 0"):
        trained(place("a"), model_settings, broken, pairs(3, 1))


def test_masked_genes_are_hidden_from_the_encoder_and_only_they_are_scored(model_settings) -> None:
    torch.manual_seed(0)
    model = Contrast(build_aligner(model_settings, 10), SETTINGS).eval()
    genes, masked = torch.randn(3, 10), torch.zeros(3, 10, dtype=torch.bool)
    masked[:, 4] = True
    hidden = genes.clone()
    hidden[:, 4] = 0.0
    with torch.no_grad():
        restored = model.reconstruct(model.aligner.gene_pooling(model.aligner.gene_encoder(hidden)))
        expected = (restored[:, 4] - genes[:, 4]).square().mean()
        torch.testing.assert_close(model.masked_gene_loss(genes, masked), expected)


@pytest.mark.parametrize(("log_temperature", "bound"), [(-20.0, TEMPERATURE_BOUNDS[0]), (5.0, TEMPERATURE_BOUNDS[1])])
def test_the_temperature_stays_in_its_bounds(log_temperature, bound, model_settings, pairs) -> None:
    torch.manual_seed(0)
    model = Contrast(build_aligner(model_settings, 10), SETTINGS).eval()
    batch = pairs(2)
    images = batch.slices.images[[1, 4]]
    with torch.no_grad():
        model.log_temperature.fill_(log_temperature)
        _, similarity = model(images, batch.genes)
        image_vectors, gene_vectors = model.aligner(images, batch.genes)
        torch.testing.assert_close(similarity, image_vectors @ gene_vectors.T / bound)


def test_a_fixed_temperature_does_not_learn(model_settings) -> None:
    for learns in (True, False):
        settings = replace(SETTINGS, learn_temperature=learns)
        assert Contrast(build_aligner(model_settings, 10), settings).log_temperature.requires_grad is learns


def test_the_digest_of_the_data_sees_every_pixel_mask_and_gene(pairs) -> None:
    digests = {pairs(2).digest()}
    assert digests == {pairs(2).digest()}
    for change in ("images", "masks", "genes"):
        changed = pairs(2)
        tensor = changed.genes if change == "genes" else getattr(changed.slices, change)
        tensor.view(-1)[3] += 1
        digests.add(changed.digest())
    assert len(digests) == 4
