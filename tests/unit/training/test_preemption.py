"""A signal ends a training after its step, with a checkpoint from which no number differs."""

import re
import signal
from pathlib import Path

import pytest
import torch
from torch import nn

from mgi.training.loop import Curve, Loop, Randomness, RunContext, train
from mgi.training.optimiser import ParameterGroup, make_optimiser
from mgi.training.preemption import BrokenOff, PreemptionError, StopRequest, stop_on_signals
from mgi.training.settings import ScheduleSettings

SCHEDULE = ScheduleSettings(
    steps=9, batch=4, learning_rate=0.05, warmup_steps=2, validate_every=4, checkpoint_every=3, ema_decay=0.8
)


def fit(
    folder: Path,
    stop: StopRequest | None = None,
    *,
    at_step: int | None = None,
    in_validation: int | None = None,
    schedule: ScheduleSettings = SCHEDULE,
) -> tuple[dict[str, torch.Tensor], Curve]:
    """Fit a line with dropout; `stop` gets SIGTERM within a step, or within the validation of that number."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.Dropout(0.3), nn.Linear(8, 1))
    stop, generators, validations = stop or StopRequest(), Randomness.seeded(7), []

    def step(batch: tuple[int, torch.Tensor]) -> tuple[torch.Tensor, dict[str, float]]:
        if batch[0] == at_step:
            stop.receive(signal.SIGTERM)
        return (model(batch[1]).squeeze(1) - batch[1].sum(1)).square().mean(), {}

    def validate() -> dict[str, float]:
        validations.append(1)
        if len(validations) == in_validation:
            stop.receive(signal.SIGUSR1)
        return {"score": -(model(torch.eye(5)).squeeze(1) - 1).square().mean().item()}

    run = Loop(
        schedule=schedule,
        prepare=lambda number: (number, torch.randn(4, 5, generator=generators.torch)),
        step=step,
        validate=validate,
        context=RunContext(checkpoints=folder, identity="line", randomness=generators, stop=stop),
    )
    curve = train(model, make_optimiser([ParameterGroup(modules=[model])], schedule), run)
    return model.state_dict(), [{name: point[name] for name in ("step", "loss", "score")} for point in curve]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, torch.Tensor], Curve]:
    return fit(tmp_path_factory.mktemp("undisturbed"))


def assert_same(one: tuple[dict[str, torch.Tensor], Curve], two: tuple[dict[str, torch.Tensor], Curve]) -> None:
    assert all(torch.equal(tensor, two[0][name]) for name, tensor in one[0].items())
    assert one[1] == two[1]


@pytest.mark.parametrize("at_step", range(SCHEDULE.steps))
def test_a_signal_in_any_step_loses_no_step(at_step: int, undisturbed, tmp_path: Path) -> None:
    with pytest.raises(PreemptionError) as raised:
        fit(tmp_path, StopRequest(), at_step=at_step)
    said = re.fullmatch(r"stopped by SIGTERM after step (\d+) of 9; checkpoint (\S+); .*", str(raised.value))
    assert said
    assert int(said[1]) == at_step + 1
    assert Path(said[2]).is_file()
    assert raised.value.exit_code == 75
    assert_same(undisturbed, fit(tmp_path, at_step=at_step))  # which is not done again


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_signal_breaks_a_validation_off_and_the_resumed_run_does_it_first(
    number: int, undisturbed, tmp_path: Path
) -> None:
    step = (4, 8, 9)[number - 1]
    with pytest.raises(PreemptionError, match=f"by SIGUSR1 after step {step} of 9"):
        fit(tmp_path, StopRequest(), in_validation=number)
    with pytest.raises(PreemptionError, match=f"after step {step} of 9"):
        fit(tmp_path, StopRequest(), in_validation=1)
    assert_same(undisturbed, fit(tmp_path))


def test_a_signal_in_the_validation_that_spends_the_patience_is_no_loss_either(tmp_path: Path) -> None:
    patient = SCHEDULE.but(validate_every=1, patience=1, learning_rate=1e-30)
    whole = fit(tmp_path / "whole", schedule=patient)
    assert whole[1][-1]["step"] < 9
    stopped = len(whole[1])
    with pytest.raises(PreemptionError):
        fit(tmp_path / "stopped", StopRequest(), in_validation=stopped, schedule=patient)
    assert_same(whole, fit(tmp_path / "stopped", schedule=patient))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1])
def test_before_the_loop_a_signal_ends_the_command_at_once_and_the_handlers_are_those_of_before(number: int) -> None:
    before = signal.getsignal(number)
    name = signal.Signals(number).name
    with pytest.raises(PreemptionError, match=f"stopped by {name} before its first step"), stop_on_signals():
        signal.raise_signal(number)
    assert signal.getsignal(number) is before


def test_only_the_first_signal_breaks_anything_off() -> None:
    stop = StopRequest()
    with pytest.raises(BrokenOff):
        stop.receive(signal.SIGTERM)
    stop.receive(signal.SIGTERM)
    assert stop.unless_stopped(lambda: 1) is None
    assert StopRequest().unless_stopped(lambda: 1) == 1
