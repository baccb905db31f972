import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from mgi.core.errors import BadInputError
from mgi.training.loop import BATCHES_AHEAD, Curve, Loop, Randomness, RunContext, train
from mgi.training.optimiser import ParameterGroup, make_optimiser
from mgi.training.settings import ScheduleSettings

SCHEDULE = ScheduleSettings(steps=12, batch=4, learning_rate=0.05, warmup_steps=3, validate_every=4, checkpoint_every=3)
TARGET = torch.linspace(-1, 1, 5)


class Killed(BaseException):
    """As sudden as a signal."""


def nothing_to_draw(number: int) -> int:
    return number


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(5, 8), nn.Dropout(0.3), nn.Linear(8, 1))


def fit(
    folder: Path,
    *,
    dies_at: int | None = None,
    schedule: ScheduleSettings = SCHEDULE,
    score: Callable[[float], float] = lambda error: -error,
    loss_at: Callable[[int, Tensor], Tensor] = lambda _, loss: loss,
    ahead: bool = True,
    genes: tuple[str, ...] = ("A", "B", "C"),
    **options: Any,
) -> tuple[dict[str, Tensor], Curve]:
    """Fit a line with dropout and both generators; return the final weights and the curve.

    The batches come from the thread that prepares them, and every step waits until it has run ahead; without `ahead`
    the step draws its batch itself.
    """
    model = network()
    optimiser = make_optimiser([ParameterGroup(modules=[model])], schedule)
    run_context = RunContext(checkpoints=folder / "ckpt", identity="line", randomness=Randomness.seeded(7), genes=genes)

    drawn: list[int] = []

    def draw(number: int) -> tuple[int, Tensor]:
        drawn.append(number)
        x = torch.randn(
            schedule.batch, 5, generator=run_context.randomness.torch
        ) * run_context.randomness.numpy.uniform(0.5, 1)
        return number, x

    def step(batch: Any) -> tuple[Tensor, dict[str, float]]:
        number = batch[0] if ahead else batch
        while ahead and drawn[-1] < min(number + BATCHES_AHEAD, schedule.steps - 1):
            time.sleep(0.001)
        if number == dies_at:
            raise Killed
        x = batch[1] if ahead else draw(number)[1]
        return loss_at(number, (model(x).squeeze(1) - x @ TARGET).square().mean()), {}

    def validate() -> dict[str, float]:
        error = (model(torch.eye(5)).squeeze(1) - TARGET).square().mean().item()
        return {"score": score(error), "error": error}

    prepare = draw if ahead else nothing_to_draw
    run = Loop(schedule=schedule, prepare=prepare, step=step, validate=validate, context=run_context, **options)
    curve = train(model, optimiser, run)
    return model.state_dict(), curve


def plain_loop(schedule: ScheduleSettings, step: Callable[[int], Any], context: RunContext) -> Loop:
    """A loop without batches and without a score."""
    score = lambda: {"score": 0.0}  # noqa: E731
    return Loop(schedule=schedule, prepare=nothing_to_draw, step=step, validate=score, context=context)


def same(one: dict[str, Tensor], two: dict[str, Tensor]) -> bool:
    return all(torch.equal(one[name], two[name]) for name in one)


def without_seconds(curve: Curve) -> Curve:
    return [{key: value for key, value in point.items() if key not in ("seconds", "data_wait")} for point in curve]


@pytest.mark.parametrize("averaging", [0.0, 0.8])
@pytest.mark.parametrize("dies_at", [1, 2, 3, 4, 6, 8, 11])
def test_a_run_killed_at_any_step_ends_with_the_weights_and_curve_of_an_undisturbed_one(
    dies_at: int, averaging: float, tmp_path: Path
) -> None:
    options = {"schedule": SCHEDULE.but(ema_decay=averaging)}
    weights, curve = fit(tmp_path / "undisturbed", **options)
    with pytest.raises(Killed):
        fit(tmp_path / "killed", dies_at=dies_at, **options)
    resumed, resumed_curve = fit(tmp_path / "killed", **options)
    assert same(weights, resumed)
    assert without_seconds(curve) == without_seconds(resumed_curve)


def test_batches_prepared_ahead_give_the_bytes_of_batches_drawn_in_the_step(tmp_path: Path) -> None:
    weights, curve = fit(tmp_path / "serial", ahead=False)
    ahead, ahead_curve = fit(tmp_path / "ahead")
    assert same(weights, ahead)
    assert without_seconds(curve) == without_seconds(ahead_curve)
    assert all(0 <= point["data_wait"] <= 1 for point in ahead_curve)


def test_a_batch_that_cannot_be_prepared_stops_the_run_in_its_turn(tmp_path: Path) -> None:
    model, done = network(), []

    def prepare(number: int) -> int:
        if number == 3:
            raise BadInputError("batch 3: no slices")
        return number

    def step(number: int) -> tuple[Tensor, dict[str, float]]:
        done.append(number)
        return model(torch.ones(2, 5)).sum(), {}

    run_context = RunContext(checkpoints=tmp_path, identity="", randomness=Randomness.seeded(0))
    run = Loop(schedule=SCHEDULE, prepare=prepare, step=step, validate=lambda: {"score": 0.0}, context=run_context)
    with pytest.raises(BadInputError, match=r"batch 3: .*slices"):
        train(model, make_optimiser([ParameterGroup(modules=[model])], SCHEDULE), run)
    assert done == [0, 1, 2]


def test_steps_and_validations_run_within_the_context(tmp_path: Path) -> None:
    inside: list[str] = []
    seen: set[tuple[str, int]] = set()

    @contextmanager
    def context() -> Iterator[None]:
        inside.append("in")
        yield
        inside.pop()

    model = network()

    def step(_: int) -> tuple[Tensor, dict[str, float]]:
        seen.add(("step", len(inside)))
        return model(torch.ones(2, 5)).sum(), {}

    def validate() -> dict[str, float]:
        seen.add(("validate", len(inside)))
        return {"score": 0.0}

    run_context = RunContext(checkpoints=tmp_path, identity="", randomness=Randomness.seeded(0))
    run = Loop(
        schedule=SCHEDULE,
        prepare=nothing_to_draw,
        step=step,
        validate=validate,
        context=run_context,
        precision=context,
    )
    train(model, make_optimiser([ParameterGroup(modules=[model])], SCHEDULE), run)
    assert seen == {("step", 1), ("validate", 1)}


def test_every_figure_of_a_step_is_a_mean_since_the_last_point(tmp_path: Path) -> None:
    model = network()

    def step(number: int) -> tuple[Tensor, dict[str, Any]]:
        return model(torch.ones(2, 5)).sum(), {"term": torch.tensor(float(number)), "twice": 2.0 * number}

    run_context = RunContext(checkpoints=tmp_path, identity="", randomness=Randomness.seeded(0))
    run = plain_loop(SCHEDULE, step, run_context)
    curve = train(model, make_optimiser([ParameterGroup(modules=[model])], SCHEDULE), run)
    assert [(point["term"], point["twice"]) for point in curve] == [(1.5, 3.0), (5.5, 11.0), (9.5, 19.0)]


def test_a_run_killed_twice_resumes_twice(tmp_path: Path) -> None:
    weights, _ = fit(tmp_path / "undisturbed")
    for dies_at in (5, 10):
        with pytest.raises(Killed):
            fit(tmp_path / "killed", dies_at=dies_at)
    assert same(weights, fit(tmp_path / "killed")[0])


def test_a_run_resumed_from_the_checkpoint_before_a_damaged_one_ends_alike(tmp_path: Path) -> None:
    weights, _ = fit(tmp_path / "undisturbed")
    with pytest.raises(Killed):
        fit(tmp_path / "killed", dies_at=8)
    max((tmp_path / "killed/ckpt").glob("*.pt")).write_bytes(b"damaged")
    assert same(weights, fit(tmp_path / "killed")[0])


@pytest.mark.parametrize(
    ("genes", "said"),
    [
        (("A", "C", "B"), "3 .*order, 2 .* 2: .*'C'.*'B'$"),
        (("A", "B"), "1 .*3 .*missing .* 3: .*none.*'C'$"),
    ],
)
def test_a_checkpoint_of_other_genes_is_never_resumed(genes: tuple[str, ...], said: str, tmp_path: Path) -> None:
    with pytest.raises(Killed):
        fit(tmp_path, dies_at=8)
    with pytest.raises(BadInputError, match=f"ckpt: .*gene list: .*{said}"):
        fit(tmp_path, genes=genes)
    assert same(fit(tmp_path)[0], fit(tmp_path / "undisturbed")[0])


def test_a_finished_run_started_again_has_nothing_to_do(tmp_path: Path) -> None:
    weights, curve = fit(tmp_path)
    again, again_curve = fit(tmp_path, dies_at=0)
    assert same(weights, again)
    assert curve == again_curve


def test_a_resumed_run_counts_its_seconds_on(tmp_path: Path) -> None:
    fit(tmp_path)
    _, curve = fit(tmp_path)
    seconds = [point["seconds"] for point in curve]
    assert seconds == sorted(seconds)


def test_a_loss_that_is_not_finite_stops_with_one_line_that_names_the_step_and_keeps_the_checkpoint(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "mgi-fold0"
    with pytest.raises(BadInputError, match=r"^mgi-fold0: loss .*nan .*step 7; .+$"):
        fit(folder, loss_at=lambda step, loss: loss * float("nan") if step == 7 else loss)
    assert [path.name[:12] for path in sorted((folder / "ckpt").glob("*.pt"))] == ["step-0000003", "step-0000006"]
    assert same(fit(folder)[0], fit(tmp_path / "undisturbed")[0])


def test_the_curve_has_a_point_per_validation_and_one_at_the_end(tmp_path: Path) -> None:
    _, curve = fit(tmp_path, schedule=SCHEDULE.but(steps=10))
    assert [point["step"] for point in curve] == [4, 8, 10]
    assert set(curve[0]) == {"step", "loss", "learning_rate", "seconds", "data_wait", "score", "error"}


def test_the_loss_of_a_point_is_the_mean_since_the_last_one(tmp_path: Path) -> None:
    _, curve = fit(tmp_path, loss_at=lambda step, loss: loss * 0 + step)
    assert [point["loss"] for point in curve] == [1.5, 5.5, 9.5]


def test_the_weights_of_the_best_validation_are_kept_or_the_last_where_asked(tmp_path: Path) -> None:
    worse = iter([3.0, 2.0, 1.0])
    first, _ = fit(tmp_path / "a", score=lambda _: next(worse))
    short = SCHEDULE.but(validate_every=4)
    with pytest.raises(Killed):
        fit(tmp_path / "b", dies_at=4, schedule=short.but(checkpoint_every=4))
    state = torch.load(next((tmp_path / "b/ckpt").glob("*.pt")), weights_only=True)
    assert same(first, state["model"])
    worse = iter([3.0, 2.0, 1.0])
    last, _ = fit(tmp_path / "c", score=lambda _: next(worse), select_best=False)
    better = iter([1.0, 2.0, 3.0])
    assert same(last, fit(tmp_path / "d", score=lambda _: next(better))[0])
    assert not same(first, last)


PATIENT = SCHEDULE.but(steps=40, validate_every=2, patience=2)


def scored(*scores: float) -> Callable[[float], float]:
    """These scores, one a validation; a further one is an error."""
    left = iter(scores)
    return lambda _: next(left)


@pytest.mark.parametrize(
    ("scores", "stopped"),
    [
        ((3.0, 1.0, 2.0), 6),
        ((1.0, 2.0, 2.0, 2.0), 8),  # an equal score is no gain
        ((1.0, 0.0, 2.0, 1.0, 3.0, 2.0, 2.0), 14),
    ],
)
def test_a_run_stops_after_so_many_validations_without_a_gain(scores, stopped: int, tmp_path: Path) -> None:
    weights, curve = fit(tmp_path / "patient", schedule=PATIENT, score=scored(*scores))
    assert curve[-1]["step"] == stopped
    best = 2 * (scores.index(max(scores)) + 1)
    with pytest.raises(Killed):
        fit(tmp_path / "b", dies_at=best, schedule=PATIENT.but(patience=0, checkpoint_every=best))
    state = torch.load(next((tmp_path / "b/ckpt").glob("*.pt")), weights_only=True)
    assert same(weights, state["model"])


def test_without_patience_all_steps_are_done_and_a_rising_score_never_stops(tmp_path: Path) -> None:
    assert fit(tmp_path / "a", score=scored(3.0, 2.0, 1.0))[1][-1]["step"] == SCHEDULE.steps
    rising = scored(*(float(number) for number in range(20)))
    assert fit(tmp_path / "b", schedule=PATIENT, score=rising)[1][-1]["step"] == PATIENT.steps


@pytest.mark.parametrize("checkpoint_every", [1, 4, 5])
def test_a_run_that_stopped_early_is_not_taken_further(checkpoint_every: int, tmp_path: Path) -> None:
    schedule = PATIENT.but(checkpoint_every=checkpoint_every)
    weights, curve = fit(tmp_path, schedule=schedule, score=scored(1.0, 2.0, 1.0, 1.0))
    assert curve[-1]["step"] == 8
    left = scored(1.0, 1.0) if checkpoint_every != 1 else scored(1.0)
    again, again_curve = fit(tmp_path, schedule=schedule, score=left)
    assert same(weights, again)
    assert without_seconds(curve) == without_seconds(again_curve)


def test_the_rate_warms_up_linearly_and_falls_to_nearly_zero_by_a_cosine(tmp_path: Path) -> None:
    _, curve = fit(tmp_path, schedule=SCHEDULE.but(steps=8, warmup_steps=4, validate_every=1))
    rates = [point["learning_rate"] / SCHEDULE.learning_rate for point in curve]
    cosine = [1, 0.96194, 0.853553, 0.691342, 0.5, 0.308658, 0.146447, 0.03806]
    warm = [0.25, 0.5, 0.75, 1, 1, 1, 1, 1]
    assert rates == pytest.approx([a * b for a, b in zip(cosine, warm, strict=True)], abs=1e-5)


def test_a_group_rests_until_its_step_and_then_learns_at_its_share(tmp_path: Path) -> None:
    model = network()
    first, last = model[0], model[2]
    before = first.weight.detach().clone(), last.weight.detach().clone()
    groups = [ParameterGroup(modules=[first], lr_scale=0.1, frozen_until=2), ParameterGroup(modules=[last])]
    optimiser = make_optimiser(groups, SCHEDULE)
    seen: list[tuple[bool, bool]] = []
    rates: list[float] = []

    def step(_: int) -> tuple[Tensor, dict[str, float]]:
        seen.append((torch.equal(first.weight, before[0]), torch.equal(last.weight, before[1])))
        rates.append(optimiser.param_groups[0]["lr"] / optimiser.param_groups[-1]["lr"])
        return model(torch.ones(2, 5)).square().mean(), {}

    run_context = RunContext(checkpoints=tmp_path, identity="", randomness=Randomness.seeded(0))
    train(model, optimiser, plain_loop(SCHEDULE.but(steps=4), step, run_context))
    assert seen == [(True, True), (True, False), (True, False), (False, False)]
    assert rates == pytest.approx([0, 0, 0.1, 0.1])


def test_gradients_are_clipped_to_norm_one(tmp_path: Path) -> None:
    model = nn.Linear(3, 1, bias=False)
    seen: list[float] = []

    class Recorder(torch.optim.SGD):
        def step(self, closure: None = None) -> None:
            seen.append(model.weight.grad.norm().item())
            super().step(closure)

    run_context = RunContext(checkpoints=tmp_path, identity="", randomness=Randomness.seeded(0))
    run = plain_loop(
        SCHEDULE.but(steps=2), lambda _: ((1000 * model(torch.ones(1, 3))).square().sum(), {}), run_context
    )
    train(model, Recorder(model.parameters(), lr=0.0), run)
    assert seen == pytest.approx([1, 1], rel=1e-4)


def test_both_generators_continue_where_they_were_taken() -> None:
    randomness = Randomness.seeded(5)

    def draw() -> list[float]:
        return [
            randomness.numpy.uniform(),
            torch.rand((), generator=randomness.torch).item(),
            torch.rand(()).item(),
        ]

    draw()
    state = randomness.state()
    expected = draw()
    draw()
    randomness.restore(state)
    assert draw() == expected
