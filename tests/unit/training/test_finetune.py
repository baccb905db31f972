from dataclasses import replace

import pytest
import torch
from torch import nn

from mgi.core.errors import ConfigError
from mgi.datasets.augment import AugmentSettings
from mgi.models.mgi import build_mgi
from mgi.training.finetune import WithoutGenes, finetune, parameter_groups, predict_logits, volume_dice
from mgi.training.segmenters import build_segmenter
from mgi.training.settings import FinetuneSettings, ScheduleSettings

SCHEDULE = ScheduleSettings(steps=4, batch=4, learning_rate=3e-3, warmup_steps=1, validate_every=2, checkpoint_every=2)
SETTINGS = FinetuneSettings(schedule=SCHEDULE, augment=AugmentSettings(flip=False))


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def changed(before: dict[str, torch.Tensor], model: nn.Module) -> set[str]:
    return {name.split(".")[0] for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}


def trained(place, model_settings, pairs, *, settings=SETTINGS, use_genes=True, genes_shift=0.0):
    training, validation = pairs(4), pairs(2, 1)
    training.genes.add_(genes_shift)
    validation.genes.add_(genes_shift)
    model = build_mgi(model_settings, 10)
    before = state(model)
    curve = finetune(model, training, validation, settings, use_genes=use_genes, place=place)
    return model, before, curve


@pytest.mark.parametrize("sees_genes", [True, False])
def test_the_same_seed_gives_the_same_weights(sees_genes, place, model_settings, pairs) -> None:
    states = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run = place(name, seed)
        model = build_mgi(model_settings, 10) if sees_genes else WithoutGenes(nn.Conv2d(1, 1, 3, padding=1))
        finetune(model, pairs(4), pairs(2, 1), SETTINGS, use_genes=sees_genes, place=run)
        states.append(state(model))
    one, two, other = states
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_with_genes_every_part_learns(place, model_settings, pairs) -> None:
    model, before, curve = trained(place("a"), model_settings, pairs)
    assert changed(before, model) == {"image_encoder", "gene_encoder", "decoder", "null_token"}
    assert [point["step"] for point in curve] == [2, 4]
    assert all(0 <= point["validation_dice"] == point["score"] <= 1 for point in curve)


def test_without_genes_no_gene_reaches_the_weights(place, model_settings, pairs) -> None:
    model, before, curve = trained(place("a"), model_settings, pairs, use_genes=False)
    assert "gene_encoder" not in changed(before, model)
    other, _, other_curve = trained(place("b"), model_settings, pairs, use_genes=False, genes_shift=50.0)
    assert changed(state(model), other) == set()
    assert [point["score"] for point in curve] == [point["score"] for point in other_curve]


def test_with_all_genes_dropped_out_training_never_sees_them(place, model_settings, pairs) -> None:
    model, before, _ = trained(place("a"), model_settings, pairs, settings=replace(SETTINGS, gene_dropout=1.0))
    assert "gene_encoder" not in changed(before, model)


def test_encoders_rest_while_only_the_decoder_learns(place, model_settings, pairs) -> None:
    model, before, _ = trained(place("a"), model_settings, pairs, settings=replace(SETTINGS, decoder_only_steps=4))
    assert changed(before, model) == {"decoder", "null_token"}


def test_an_encoder_rate_of_zero_keeps_that_encoder(place, model_settings, pairs) -> None:
    model, before, _ = trained(place("a"), model_settings, pairs, settings=replace(SETTINGS, image_encoder_rate=0.0))
    assert changed(before, model) == {"gene_encoder", "decoder", "null_token"}


def test_mixed_precision_on_a_cpu_is_refused_before_the_first_step(place, model_settings, pairs) -> None:
    settings = replace(SETTINGS, schedule=replace(SCHEDULE, precision="bf16"))
    with pytest.raises(ConfigError, match=r"finetune.schedule.precision: bf16 needs a GPU"):
        trained(place("a"), model_settings, pairs, settings=settings)


def test_a_network_without_encoders_is_one_group(model_settings) -> None:
    model = build_segmenter("resunet", model_settings, 10)
    assert [(group.rate, group.rests_until) for group in parameter_groups(model, SETTINGS)] == [(1.0, 0)]
    groups = parameter_groups(build_mgi(model_settings, 10), replace(SETTINGS, decoder_only_steps=7))
    assert [(group.rate, group.rests_until) for group in groups] == [(0.1, 7), (0.1, 7), (1.0, 0)]


def test_a_plain_network_ignores_genes_and_patients() -> None:
    network = WithoutGenes(nn.Conv2d(1, 1, 1))
    images = torch.randn(2, 1, 4, 4)
    one = network(images, torch.zeros(1, 3), torch.tensor([0, 0]), torch.tensor([True]))
    two = network(images, torch.ones(2, 3), torch.tensor([1, 0]), torch.tensor([False, True]))
    assert torch.equal(one, two)


@pytest.mark.parametrize("batch", [1, 2, 4, 100])
def test_logits_do_not_depend_on_how_slices_are_batched(batch: int, model_settings, pairs) -> None:
    torch.manual_seed(0)
    model, some = build_mgi(model_settings, 10), pairs(3)
    has_genes = torch.tensor([True, False, True])
    whole = predict_logits(model, some, has_genes)
    assert whole.shape == some.slices.images.shape
    torch.testing.assert_close(predict_logits(model, some, has_genes, batch), whole, rtol=1e-4, atol=1e-5)
    assert not model.training


def test_the_dice_of_volumes_by_hand() -> None:
    truth = torch.zeros(4, 1, 2, 2, dtype=torch.bool)
    prediction = truth.clone()
    truth[0, 0, 0] = True  # patient 0: 2 true pixels in one slice, 3 predicted in two, 1 of them shared
    prediction[0, 0, 0, 0] = prediction[1, 0, 0, 0] = prediction[1, 0, 1, 1] = True
    truth[3] = True  # patient 2: 4 true, none predicted; patient 1 has none of either
    dice = volume_dice(prediction, truth, torch.tensor([0, 0, 1, 2]))
    assert dice == pytest.approx((2 * 1 / 5 + 1 + 0) / 3)
