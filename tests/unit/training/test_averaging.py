from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from mgi.training.averaging import EARLY, WeightAverage
from mgi.training.loop import Loop, Randomness, RunContext, train
from mgi.training.optimiser import ParameterGroup, make_optimiser
from mgi.training.settings import ScheduleSettings


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
