import pytest
import torch
from torch import nn

from mgi.core.errors import ConfigError
from mgi.datasets.settings import AugmentSettings
from mgi.models.mgi import MGI, build_mgi
from mgi.tasks.segmentation import learning
from mgi.tasks.segmentation.learning import WithoutGenes, build, volume_dice
from mgi.training.finetune import (
    GeneCache,
    cache_for,
    finetune,
    forward,
    frozen_cache_for,
    outputs_of,
    parameter_groups,
)
from mgi.training.settings import FinetuneSettings, ScheduleSettings

SCHEDULE = ScheduleSettings(steps=4, batch=4, learning_rate=3e-3, warmup_steps=1, validate_every=2, checkpoint_every=2)
SETTINGS = FinetuneSettings(schedule=SCHEDULE, augment=AugmentSettings(flip=False))


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def changed(before: dict[str, torch.Tensor], model: nn.Module) -> set[str]:
    return {name.split(".")[0] for name, tensor in model.state_dict().items() if not torch.equal(tensor, before[name])}


def trained(run_context, model_settings, pairs, *, settings=SETTINGS, use_genes=True, genes_shift=0.0):
    training, validation = pairs(4), pairs(2, 1)
    training.genes.add_(genes_shift)
    validation.genes.add_(genes_shift)
    model = build_mgi(model_settings, 10)
    before = state(model)
    curve = finetune(model, learning, training, validation, settings, use_genes=use_genes, context=run_context)
    return model, before, curve


@pytest.mark.parametrize("sees_genes", [True, False])
def test_the_same_seed_gives_the_same_weights(sees_genes, run_context, model_settings, pairs) -> None:
    states = []
    for name, seed in (("a", 0), ("b", 0), ("c", 1)):
        run = run_context(name, seed)
        model = build_mgi(model_settings, 10) if sees_genes else WithoutGenes(nn.Conv2d(1, 1, 3, padding=1))
        finetune(model, learning, pairs(4), pairs(2, 1), SETTINGS, use_genes=sees_genes, context=run)
        states.append(state(model))
    one, two, other = states
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_with_genes_every_part_learns(run_context, model_settings, pairs) -> None:
    model, before, curve = trained(run_context("a"), model_settings, pairs)
    assert changed(before, model) == {"image_encoder", "gene_encoder", "decoder", "null_token"}
    assert [point["step"] for point in curve] == [2, 4]
    assert all(0 <= point["validation_dice"] == point["score"] <= 1 for point in curve)


def test_without_genes_no_gene_reaches_the_weights(run_context, model_settings, pairs) -> None:
    model, before, curve = trained(run_context("a"), model_settings, pairs, use_genes=False)
    assert "gene_encoder" not in changed(before, model)
    other, _, other_curve = trained(run_context("b"), model_settings, pairs, use_genes=False, genes_shift=50.0)
    assert changed(state(model), other) == set()
    assert [point["score"] for point in curve] == [point["score"] for point in other_curve]


def test_with_all_genes_dropped_out_training_never_sees_them(run_context, model_settings, pairs) -> None:
    model, before, _ = trained(run_context("a"), model_settings, pairs, settings=SETTINGS.but(gene_dropout=1.0))
    assert "gene_encoder" not in changed(before, model)


def test_encoders_rest_while_only_the_decoder_learns(run_context, model_settings, pairs) -> None:
    model, before, _ = trained(run_context("a"), model_settings, pairs, settings=SETTINGS.but(freeze_encoder_steps=4))
    assert changed(before, model) == {"decoder", "null_token"}


def test_an_encoder_rate_of_zero_keeps_that_encoder(run_context, model_settings, pairs) -> None:
    model, before, _ = trained(
        run_context("a"), model_settings, pairs, settings=SETTINGS.but(image_encoder_lr_scale=0.0)
    )
    assert changed(before, model) == {"gene_encoder", "decoder", "null_token"}


class NoCache(GeneCache):
    """Keeps nothing."""

    def encode(self, genes: torch.Tensor) -> torch.Tensor:
        self.forget()
        return super().encode(genes)


def counting(run_context, model_settings, pairs, settings) -> tuple[list[int], dict[str, torch.Tensor], list[float]]:
    """Patients in each call of the gene encoder, final weights and scores of a run of four steps."""
    torch.manual_seed(0)
    model, rows = build_mgi(model_settings, 10), []
    model.gene_encoder.register_forward_hook(lambda _, given, made: rows.append(len(given[0])))
    curve = finetune(model, learning, pairs(4), pairs(2, 1), settings, use_genes=True, context=run_context)
    return rows, state(model), [point["score"] for point in curve]


FROZEN = SETTINGS.but(gene_encoder_lr_scale=0.0, gene_dropout=0.0)


def test_a_frozen_encoder_encodes_each_patient_once_in_all(run_context, model_settings, pairs) -> None:
    rows, _, _ = counting(run_context("a"), model_settings, pairs, FROZEN)
    assert set(rows) == {1}
    assert len(rows) <= 4 + 2  # training and validation patients, in four steps and two validations


@pytest.mark.parametrize("dropout", [0.0, 0.5])
@pytest.mark.parametrize("change", [{"gene_encoder_lr_scale": 0.0}, {"freeze_encoder_steps": 3}])
def test_the_numbers_are_the_same_with_and_without_the_cache(
    change, dropout, run_context, model_settings, pairs, monkeypatch
) -> None:
    settings = SETTINGS.but(gene_dropout=dropout, **change)
    kept = counting(run_context("a"), model_settings, pairs, settings)
    monkeypatch.setattr("mgi.training.finetune.GeneCache", NoCache)
    again = counting(run_context("b"), model_settings, pairs, settings)
    assert len(kept[0]) < len(again[0])
    assert all(torch.equal(kept[1][name], again[1][name]) for name in kept[1])
    assert kept[2] == again[2]


def test_a_frozen_encoder_learns_nothing_and_the_rest_as_if_it_were_encoded_every_time(
    run_context, model_settings, pairs, monkeypatch
) -> None:
    """Against plain code without any cache, in which the encoder runs on the whole batch."""
    _, kept, _ = counting(run_context("a"), model_settings, pairs, FROZEN)

    def plain(model, images, genes, patient, has_genes, cache):
        return model(images, genes, patient, has_genes)

    for module in ("mgi.training.finetune", "mgi.tasks.segmentation.learning"):
        monkeypatch.setattr(f"{module}.forward", plain)
    monkeypatch.setattr("mgi.models.mgi.MGI.encode", torch.no_grad()(MGI.encode))
    _, plainly, _ = counting(run_context("b"), model_settings, pairs, FROZEN)
    # AdamW makes whole steps of gradients that are next to nothing, whose last bits depend on the processor.
    for name, tensor in kept.items():
        torch.testing.assert_close(tensor, plainly[name], rtol=1e-4, atol=1e-4)


def test_noise_on_the_genes_is_drawn_and_encoded_anew_each_step(run_context, model_settings, pairs) -> None:
    rows, noisy, _ = counting(run_context("a"), model_settings, pairs, FROZEN.but(gene_noise=0.5))
    _, plain, _ = counting(run_context("b"), model_settings, pairs, FROZEN)
    assert len(rows) > 4 + 2
    assert any(not torch.equal(noisy[name], plain[name]) for name in plain)


def test_once_the_encoder_learns_nothing_old_is_used(run_context, model_settings, pairs) -> None:
    schedule = SCHEDULE.but(validate_every=1)
    settings = SETTINGS.but(schedule=schedule, freeze_encoder_steps=2, gene_dropout=0.0)
    rows, _, _ = counting(run_context("a"), model_settings, pairs, settings)
    resting = rows.index(next(count for count in rows if count > 1))  # the first batch that is encoded together
    assert rows[:resting] == [1] * resting
    assert resting <= 4 + 2
    # Two learning steps, a batch each, and a validation of two patients after each.
    assert sorted(rows[resting:]) == [1] * 4 + sorted(rows[resting:])[-2:]


def test_validation_while_the_encoder_learns_encodes_each_patient_once(model_settings, pairs) -> None:
    torch.manual_seed(0)
    model, rows = build_mgi(model_settings, 10), []
    model.gene_encoder.register_forward_hook(lambda _, given, made: rows.append(len(given[0])))
    outputs_of(model, pairs(3), torch.tensor([True] * 3), batch=2)
    assert rows == [1, 1, 1]


def test_mixed_precision_on_a_cpu_is_refused_before_the_first_step(run_context, model_settings, pairs) -> None:
    settings = SETTINGS.but(schedule=SCHEDULE.but(precision="bf16"))
    with pytest.raises(ConfigError, match=r"finetune\.schedule\.precision: bf16 "):
        trained(run_context("a"), model_settings, pairs, settings=settings)


def test_a_network_without_encoders_is_one_group(model_settings) -> None:
    model = build("resunet", model_settings, 10)
    assert [(group.lr_scale, group.frozen_until) for group in parameter_groups(model, SETTINGS)] == [(1.0, 0)]
    groups = parameter_groups(build_mgi(model_settings, 10), SETTINGS.but(freeze_encoder_steps=7))
    assert [(group.lr_scale, group.frozen_until) for group in groups] == [(0.1, 7), (0.1, 7), (1.0, 0)]


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
    whole = outputs_of(model, some, has_genes)
    assert whole.shape == some.slices.images.shape
    torch.testing.assert_close(outputs_of(model, some, has_genes, batch), whole, rtol=1e-4, atol=1e-5)
    assert not model.training


def test_the_dice_of_volumes_by_hand() -> None:
    truth = torch.zeros(4, 1, 2, 2, dtype=torch.bool)
    prediction = truth.clone()
    truth[0, 0, 0] = True  # patient 0: 2 true pixels in one slice, 3 predicted in two, 1 of them shared
    prediction[0, 0, 0, 0] = prediction[1, 0, 0, 0] = prediction[1, 0, 1, 1] = True
    truth[3] = True  # patient 2: 4 true, none predicted; patient 1 has none of either
    dice = volume_dice([(prediction, truth, torch.tensor([0, 0, 1, 2]))], 3)
    assert dice == pytest.approx((2 * 1 / 5 + 1 + 0) / 3)


GENES = torch.randn(3, 10, generator=torch.Generator().manual_seed(0))
IMAGES = torch.randn(4, 1, 16, 16, generator=torch.Generator().manual_seed(1))
PATIENT = torch.tensor([0, 1, 2, 0])


@pytest.fixture
def model(model_settings) -> MGI:
    torch.manual_seed(0)
    return build_mgi(model_settings, 10)


def counted(model: MGI) -> list[int]:
    rows: list[int] = []
    model.gene_encoder.register_forward_hook(lambda _, given, made: rows.append(len(given[0])))
    return rows


def test_each_vector_of_expression_is_encoded_once_whoever_has_it(model: MGI) -> None:
    cache, rows = GeneCache(model), counted(model)
    first = cache.encode(GENES)
    permuted = cache.encode(GENES[[2, 0, 1, 1]])
    assert rows == [1, 1, 1]
    assert torch.equal(permuted, first[[2, 0, 1, 1]])
    torch.testing.assert_close(first, model.encode(GENES))
    assert not first.requires_grad


def test_what_is_kept_does_not_depend_on_who_else_was_asked_for(model: MGI) -> None:
    alone, among = GeneCache(model), GeneCache(model)
    assert torch.equal(alone.encode(GENES[1:2])[0], among.encode(GENES)[1])


def test_no_more_is_kept_than_may_be_and_those_used_longest_ago_go_first(model: MGI) -> None:
    whole = GeneCache(model).encode(GENES)
    cache, rows = GeneCache(model, most=2 * whole[:1].nbytes), counted(model)
    for row in (0, 1, 0, 2, 0, 1):
        assert torch.equal(cache.encode(GENES[row : row + 1])[0], whole[row])
    assert len(rows) == 4  # 0, 1, 2 in place of 1, and 1 again


def test_after_forgetting_the_encoder_is_asked_again(model: MGI) -> None:
    cache = GeneCache(model)
    before = cache.encode(GENES)
    with torch.no_grad():
        model.gene_encoder.norm.weight.mul_(2)
    assert torch.equal(cache.encode(GENES), before)
    cache.forget()
    assert not torch.allclose(cache.encode(GENES), before)


@pytest.mark.parametrize("has_genes", [[True, True, True], [False, True, False], [False, False, False]])
def test_segmentation_is_the_same_with_and_without_the_cache(model: MGI, has_genes: list[bool]) -> None:
    given = (IMAGES, GENES, PATIENT, torch.tensor(has_genes))
    with torch.no_grad():
        torch.testing.assert_close(forward(model, *given, cache_for(model)), forward(model, *given, None))


def test_a_batch_and_its_mirror_image_are_seen_once_whoever_s_genes_come_with_them(
    model: MGI, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, encode, seen = frozen_cache_for(model), model.image_encoder.with_maps, []
    monkeypatch.setattr(model.image_encoder, "with_maps", lambda image: seen.append(len(image)) or encode(image))
    has_genes = torch.tensor([True] * 3)
    with torch.no_grad():
        for genes in (GENES, GENES[[2, 0, 1]]):
            for images in (IMAGES, IMAGES.flip(-1)):
                given = (images, genes, PATIENT, has_genes)
                assert torch.equal(forward(model, *given, cache), forward(model, *given, cache_for(model)))
    assert len(seen) == 2 + 4
    cache.forget()
    forward(model, IMAGES, GENES, PATIENT, has_genes, cache)
    assert len(seen) == 7


def test_no_more_than_two_batches_are_kept(model: MGI) -> None:
    cache = frozen_cache_for(model)
    first = cache.see(IMAGES)
    assert cache.see(IMAGES.clone()) is first
    cache.see(IMAGES + 1)
    cache.see(IMAGES + 2)
    assert cache.see(IMAGES) is not first


def test_the_decoder_learns_through_cached_genes_and_the_encoder_does_not(model: MGI) -> None:
    forward(model, IMAGES, GENES, PATIENT, torch.tensor([True] * 3), cache_for(model)).square().sum().backward()
    assert all(parameter.grad is None for parameter in model.gene_encoder.parameters())
    assert all(parameter.grad is not None for parameter in model.decoder.parameters())


def test_a_network_without_genes_has_no_cache() -> None:
    network = WithoutGenes(nn.Conv2d(1, 1, 1))
    assert cache_for(network) is None
    logits = forward(network, IMAGES, GENES, PATIENT, torch.tensor([True] * 3), None)
    assert logits.shape == IMAGES.shape
