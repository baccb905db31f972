import re
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mgi.core.errors import ConfigError
from mgi.models.gene_encoder import build_gene_encoder
from mgi.models.mgi import build_mgi
from mgi.models.settings import ModelSettings
from mgi.training.loop import Loop, Randomness, RunContext, train
from mgi.training.optimiser import EARLY, ParameterGroup, WeightAverage, make_optimiser, precision_of
from mgi.training.settings import ScheduleSettings

SCHEDULE = ScheduleSettings(steps=1, weight_decay=0.3)
MODEL = ModelSettings(
    image_size=16,
    patch_size=8,
    image_width=16,
    image_depth=1,
    image_heads=2,
    gene_patch=4,
    gene_width=16,
    gene_depth=1,
    decoder_width=16,
    decoder_heads=2,
    decoder_depth=1,
)


def test_norms_biases_states_codes_and_null_tokens_are_not_decayed_and_matrices_are() -> None:
    model = build_mgi(MODEL, 10)
    optimiser = make_optimiser([ParameterGroup(modules=[model])], SCHEDULE)
    decay = {id(parameter): group["weight_decay"] for group in optimiser.param_groups for parameter in group["params"]}
    plain = {name for name, parameter in model.named_parameters() if decay[id(parameter)] == 0}
    assert all(name in plain for name, parameter in model.named_parameters() if parameter.ndim < 2)
    wide = {name for name, parameter in model.named_parameters() if parameter.ndim >= 2 and name in plain}
    assert wide == {
        "null_token",
        "decoder.image_code",
        "gene_encoder.tokens.position",
        "gene_encoder.blocks.0.layer.A_log",
        "image_encoder.vit.cls_token",
        "image_encoder.vit.pos_embed",
    }
    assert {group["weight_decay"] for group in optimiser.param_groups} == {0.3, 0.0}


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"gene_tokens": "gene"}, {"position"}),
        ({"gene_tokens": "pathway"}, {"position", "bias"}),
        ({"gene_encoder": "group_attention"}, {"groups.position", "cls_token"}),
    ],
)
def test_what_a_token_is_told_apart_by_is_not_decayed(changes, names: set[str]) -> None:
    tokens = build_gene_encoder(MODEL.but(**changes), 10, {"a": [0, 1], "b": [2]}).tokens
    optimiser = make_optimiser([ParameterGroup(modules=[tokens])], SCHEDULE)
    decay = {id(parameter): group["weight_decay"] for group in optimiser.param_groups for parameter in group["params"]}
    assert {name for name, parameter in tokens.named_parameters() if decay[id(parameter)] == 0} == names


def test_every_parameter_belongs_to_one_group_the_first_that_names_it() -> None:
    inner, outer = nn.Linear(2, 2), nn.Linear(2, 2)
    model = nn.Sequential(inner, outer)
    groups = [ParameterGroup(modules=[inner], lr_scale=0.1, frozen_until=5), ParameterGroup(modules=[model])]
    optimiser = make_optimiser(groups, SCHEDULE)
    owned = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    assert len(owned) == len({id(parameter) for parameter in owned}) == 4
    rate = {id(parameter): group["lr_scale"] for group in optimiser.param_groups for parameter in group["params"]}
    assert [rate[id(parameter)] for parameter in model.parameters()] == [0.1, 0.1, 1.0, 1.0]
    assert [group["frozen_until"] for group in optimiser.param_groups] == [5, 5, 0, 0]


def test_a_frozen_parameter_is_left_out() -> None:
    model = nn.Linear(2, 2)
    model.weight.requires_grad_(False)
    optimiser = make_optimiser([ParameterGroup(modules=[model])], SCHEDULE)
    assert [list(group["params"]) for group in optimiser.param_groups] == [[model.bias]]
    assert isinstance(optimiser, torch.optim.AdamW)


def test_what_a_layer_marks_as_undecayed_is_not_decayed() -> None:
    layer = nn.Linear(2, 2, bias=False)
    layer.weight._no_weight_decay = True
    optimiser = make_optimiser([ParameterGroup(modules=[layer])], SCHEDULE)
    assert [group["weight_decay"] for group in optimiser.param_groups] == [0.0]


def test_channels_last_weights_are_stepped_as_any_others_and_keep_their_layout() -> None:
    torch.manual_seed(0)
    plain, last = (nn.Sequential(nn.Conv2d(3, 8, 3), nn.Conv2d(8, 4, 1), nn.BatchNorm2d(4)) for _ in range(2))
    last.load_state_dict(plain.state_dict())
    last.to(memory_format=torch.channels_last)
    optimisers = [make_optimiser([ParameterGroup(modules=[one])], SCHEDULE) for one in (plain, last)]
    strides = [parameter.stride() for parameter in last.parameters()]
    for number in range(3):
        if number == 2:
            last[1].weight.grad = plain[1].weight.grad = None  # as one that rests
        for one, other in zip(plain.parameters(), last.parameters(), strict=True):
            if number < 2 or one is not plain[1].weight:
                one.grad = torch.randn_like(one)
                other.grad = torch.empty_like(other).copy_(one.grad)
        for optimiser in optimisers:
            optimiser.step()
        for one, other in zip(plain.parameters(), last.parameters(), strict=True):
            torch.testing.assert_close(one, other)
    assert [parameter.stride() for parameter in last.parameters()] == strides
    assert last[0].weight.grad.stride() == last[0].weight.stride()
    for parameter in last.parameters():  # a checkpoint of a CPU goes on on a GPU, which turns nothing
        moments = optimisers[1].state[parameter]
        assert moments["exp_avg"].stride() == moments["exp_avg_sq"].stride() == parameter.stride()
    again = make_optimiser([ParameterGroup(modules=[last])], SCHEDULE)
    again.load_state_dict(optimisers[1].state_dict())
    again.step()
    optimisers[0].step()
    torch.testing.assert_close(plain[0].weight, last[0].weight)


def test_steps_are_those_of_adamw() -> None:
    torch.manual_seed(0)
    ours, theirs = (nn.Linear(3, 2) for _ in range(2))
    theirs.load_state_dict(ours.state_dict())
    optimisers = [
        make_optimiser([ParameterGroup(modules=[ours])], SCHEDULE),
        torch.optim.AdamW(
            [{"params": [theirs.weight], "weight_decay": 0.3}, {"params": [theirs.bias], "weight_decay": 0.0}],
            lr=SCHEDULE.learning_rate,
        ),
    ]
    for _ in range(3):
        for model, optimiser in zip((ours, theirs), optimisers, strict=True):
            optimiser.zero_grad()
            model(torch.ones(1, 3)).square().sum().backward()
            optimiser.step()
    torch.testing.assert_close(ours.state_dict(), theirs.state_dict())
    assert not torch.equal(ours.bias, torch.zeros(2))


def test_no_step_and_no_state_imports_torchs_compiler() -> None:
    code = (
        "import sys, torch; from torch import nn\n"
        "from mgi.training.optimiser import ParameterGroup, make_optimiser\n"
        "from mgi.training.settings import ScheduleSettings\n"
        "model = nn.Conv2d(2, 3, 3).to(memory_format=torch.channels_last)\n"
        "optimiser = make_optimiser([ParameterGroup(modules=[model])], ScheduleSettings(steps=1))\n"
        "optimiser.zero_grad(); model(torch.ones(1, 2, 4, 4)).sum().backward(); optimiser.step()\n"
        "optimiser.load_state_dict(optimiser.state_dict())\n"
        "assert optimiser.state[model.weight]['step'] == 1\n"
        "assert 'torch._dynamo' not in sys.modules\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_bf16_on_a_cpu_is_refused_with_one_line_that_says_what_to_set() -> None:
    with pytest.raises(ConfigError) as caught:
        precision_of("bf16", torch.device("cpu"), where="finetune.schedule")
    assert re.search(r"^finetune\.schedule\.precision: bf16 .*'cpu'.*float32", str(caught.value))


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_in_float32_nothing_is_cast(device) -> None:
    with precision_of("float32", torch.device(device), where="pretrain.schedule")():
        assert not torch.is_autocast_enabled("cpu")
        assert not torch.is_autocast_enabled("cuda")


def test_bf16_on_a_gpu_is_autocast_to_bfloat16(monkeypatch) -> None:
    monkeypatch.setattr(torch, "autocast", lambda *given: given)  # the real one wants a GPU
    context = precision_of("bf16", torch.device("cuda"), where="pretrain.schedule")
    assert context() == ("cuda", torch.bfloat16)


def network(value: float = 0.0) -> nn.Module:
    layer = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    nn.init.constant_(layer[0].weight, value)
    return layer


def test_the_average_is_the_exponential_one_after_a_quick_start() -> None:
    model = network(0.0)
    average, expected = WeightAverage(model, 0.5), 0.0
    for step, value in enumerate([1.0, 2.0, 4.0, 3.0, 5.0] * 4, start=1):
        nn.init.constant_(model[0].weight, value)
        average.update()
        decay = min(0.5, step / (EARLY + step))
        expected = decay * expected + (1 - decay) * value
    torch.testing.assert_close(average.tensors["0.weight"], torch.full((2, 2), expected))


def test_the_model_has_the_average_within_and_its_own_weights_after_even_where_that_fails() -> None:
    model = network(1.0)
    average = WeightAverage(model, 0.9)
    nn.init.constant_(model[0].weight, 3.0)
    model[1].num_batches_tracked.fill_(7)
    average.update()
    seen: list[float] = []

    def fail() -> None:
        seen.extend([model[0].weight[0, 0].item(), model[1].num_batches_tracked.item()])
        raise KeyError

    with pytest.raises(KeyError), average.in_place():
        fail()
    assert 1.0 < seen[0] < 3.0
    assert seen[1] == 7
    assert model[0].weight[0, 0].item() == 3.0


def test_without_a_decay_the_model_is_its_own_average() -> None:
    model = network(1.0)
    average = WeightAverage(model, 0.0)
    average.update()
    with average.in_place():
        assert model[0].weight[0, 0].item() == 1.0
    assert average.tensors == {}


def trained(folder: Path, averaging: float, steps: list[Tensor]) -> nn.Module:
    """A constant gradient moves the weights by the same way each step; the weights before each are noted."""
    model = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(model.weight)
    schedule = ScheduleSettings(steps=40, learning_rate=0.1, warmup_steps=0, weight_decay=0.0, ema_decay=averaging)

    def step(_: int) -> tuple[Tensor, dict[str, float]]:
        steps.append(model.weight.detach().clone())
        return -model.weight.sum(), {}

    run = Loop(
        schedule=schedule,
        prepare=lambda number: number,
        step=step,
        validate=lambda: {"score": model.weight.item()},
        context=RunContext(checkpoints=folder, identity="line", randomness=Randomness.seeded(0)),
    )
    train(model, make_optimiser([ParameterGroup(modules=[model])], schedule), run)
    return model


def test_a_run_validates_and_keeps_the_average_and_steps_on_from_its_own_weights(tmp_path: Path) -> None:
    own, with_average = [], []
    last = trained(tmp_path / "a", 0.0, own).weight
    kept = trained(tmp_path / "b", 0.9, with_average).weight
    assert own == with_average
    assert 0 < kept.item() < last.item()
