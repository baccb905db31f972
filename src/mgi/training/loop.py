"""One optimiser run that resumes where it was killed and ends with the same numbers as if it had not been."""

import copy
import logging
import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor, nn
from tqdm import tqdm

from mgi.core.errors import BadInputError
from mgi.core.prefetch import map_ahead
from mgi.training.checkpoint import identity_of, load_checkpoint, save_checkpoint
from mgi.training.optimiser import WeightAverage, clip_gradients, set_rate
from mgi.training.preemption import PreemptionError
from mgi.training.run_context import Randomness, RunContext
from mgi.training.settings import ScheduleSettings
from mgi.training.weights import require_same_genes

BATCHES_AHEAD = 2
CHECKPOINT_FORMAT = 6  # raised when a checkpoint holds something else: those of older code are passed over
LOG = logging.getLogger(__name__)
__all__ = ["Curve", "Loop", "Randomness", "RunContext", "train"]
Curve = list[dict[str, Any]]
Drawn = tuple[Any, dict[str, Any]]  # a batch, and where the generators stood after it: they run ahead


@dataclass(frozen=True, kw_only=True)
class Loop:
    """What a loop needs besides the model: its schedule, step, validation and context.

    `prepare` draws and prepares the batch of a step, in a thread of its own while earlier steps run; it alone may use
    the generators of `context`, and it uses no others. `step` takes that batch and returns the loss and further figures
    to log. `validate` returns figures of which `score` decides (higher is better); without `select_best` the last
    weights are kept, and the schedule has no patience. Steps and validations run within `precision`. A run that goes on
    from a checkpoint gives `resumed` the newest point of its curve: for what steps take from the last validation.
    """

    schedule: ScheduleSettings
    prepare: Callable[[int], Any]
    step: Callable[[Any], tuple[Tensor, Mapping[str, Tensor | float]]]
    validate: Callable[[], dict[str, float]]
    context: RunContext
    select_best: bool = True
    precision: Callable[[], AbstractContextManager[Any]] = nullcontext
    resumed: Callable[[Mapping[str, Any]], object] = lambda point: None


def train(model: nn.Module, optimiser: torch.optim.Optimizer, loop: Loop) -> Curve:
    """Optimise `model` in place, keep the weights of the best validation score (or the last), return the curve.

    Of several processes the first one validates, writes and has the curve. Raises BadInputError where the loss is not
    finite, naming the step; the last checkpoint stays. Raises PreemptionError where a signal came, after a checkpoint.
    """
    progress = Progress(model, optimiser, loop)
    first = progress.resume()
    parameters = list(model.parameters())
    group = loop.context.group
    group.agree(first)
    group.start_alike(model)
    loop.context.stop.note_only()
    over = progress.lacks_validation(first) and progress.after(first)
    leads = group.leads
    model.train()
    bar = tqdm(total=loop.schedule.steps, initial=first, unit="step", disable=None if leads else True, mininterval=1.0)
    drawn = lambda step: (loop.prepare(step), loop.context.randomness.own_state())  # noqa: E731
    steps = range(first, first if over or progress.out_of_patience else loop.schedule.steps)
    with closing(map_ahead(drawn, steps, threads=1, ahead=BATCHES_AHEAD)) as batches:
        coming = progress.take(batches)
        for step in steps:
            batch, progress.drawn = coming
            set_rate(optimiser, loop.schedule, step)
            with loop.precision():
                loss, figures = loop.step(batch)
            if not math.isfinite(loss.item()):
                raise BadInputError(
                    f"{loop.context.checkpoints.parent.name}: loss is {loss.item()} at step {step}; lower the rate"
                )
            optimiser.zero_grad(set_to_none=True)
            coming = progress.take(batches)  # so that the next is prepared while backward leaves Python alone
            loss.backward()
            group.average_gradients(parameters)
            clip_gradients(parameters)
            optimiser.step()
            if leads:
                progress.average.update()
                progress.log({"loss": loss, **figures})
            if progress.after(step + 1):
                break
            bar.update()
    bar.close()
    if leads:
        model.load_state_dict(progress.best_weights)
    return progress.curve


class Progress:
    """The state of a run that outlives a kill: curve, best weights, and their score."""

    def __init__(self, model: nn.Module, optimiser: torch.optim.Optimizer, loop: Loop) -> None:
        self.model, self.optimiser, self.loop, self.context = model, optimiser, loop, loop.context
        # A checkpoint of other model code has other names or shapes: it is passed over, as any foreign one.
        shapes = {name: list(tensor.shape) for name, tensor in model.state_dict().items()}
        self.identity = identity_of(loop.context.identity, shapes, CHECKPOINT_FORMAT)
        self.average = WeightAverage(model, loop.schedule.ema_decay)
        self.curve: Curve = []
        self.best_score = -math.inf
        self.best_weights: dict[str, Tensor] = {}
        self._logged: dict[str, list[float]] = {}
        self.drawn: dict[str, Any] = {}  # where the generators stood after the batch of the step
        self._seconds, self._since = 0.0, time.monotonic()
        self._waited, self._mark = 0.0, time.monotonic()

    @property
    def out_of_patience(self) -> bool:
        """Whether the schedule's `patience` is spent; read off the curve, so that a resumed run stops at the same."""
        scores = [point["score"] for point in self.curve]
        tried = len(scores) - 1 - scores.index(max(scores)) if scores else 0  # validations since the best
        return 0 < self.loop.schedule.patience <= tried

    def resume(self) -> int:
        """Restore the newest checkpoint of this run, if there is one; return the first step to do.

        Raises BadInputError where it was trained on other genes, or in another order.
        """
        state = load_checkpoint(self.context.checkpoints, identity=self.identity)
        if state is None:
            self.best_weights = copy.deepcopy(self.model.state_dict())
            return 0
        require_same_genes(state["genes"], self.context.genes, where=str(self.context.checkpoints))
        self.model.load_state_dict(state["model"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.context.randomness.restore(state["randomness"])
        self.drawn = self.context.randomness.own_state()
        self.average.restore(state["average"])
        self.curve, self._logged = state["curve"], state["logged"]
        self.best_score, self.best_weights = state["best_score"], state["best_weights"]
        self._seconds = state["seconds"]
        if self.curve:
            self.loop.resumed(self.curve[-1])
        LOG.info("resumed at step %d", state["step"])
        return int(state["step"])

    def is_due(self, step: int) -> bool:
        """Whether a validation follows this number of steps."""
        schedule = self.loop.schedule
        return step > 0 and (step % schedule.validate_every == 0 or step == schedule.steps)

    def lacks_validation(self, step: int) -> bool:
        """Whether a signal came before the validation that was due."""
        return self.is_due(step) and (not self.curve or self.curve[-1]["step"] != step)

    def after(self, step: int) -> bool:
        """Validate and write a checkpoint where they are due; whether the run is over, its patience spent.

        All processes call it. Raises PreemptionError where a signal came to any of them, after a checkpoint.
        """
        group, schedule, stop = self.context.group, self.loop.schedule, self.context.stop
        stopping = group.any(stop.asked)
        if self.is_due(step) and not stopping:
            if group.leads:
                self.validate(step)
            if group.any(self.out_of_patience):
                if group.leads:
                    LOG.info("stopped at step %d: no gain in %d validations", step, schedule.patience)
                return True
            stopping = group.any(stop.asked)
        if stopping:
            self.end(step)
        if group.leads and step % schedule.checkpoint_every == 0:
            self.save(step)
        return False

    def end(self, step: int) -> NoReturn:
        """Write a checkpoint and raise PreemptionError, or end silently where another process says it."""
        path = self.save(step) if self.context.group.leads else None
        self.context.group.wait()  # torchrun ends the others with the first that is gone
        if path is None:
            raise SystemExit(PreemptionError.exit_code)
        received = self.context.stop.signal
        by = received.name if received else "a signal to another process"
        steps = f"step {step} of {self.loop.schedule.steps}"
        raise PreemptionError(f"stopped by {by} after {steps}; checkpoint {path}; the same command goes on from there")

    def save(self, step: int) -> Path:
        """Write a checkpoint from which the run ends with the same numbers; its file."""
        state = {
            "model": self.model.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "average": self.average.state(),
            "randomness": self.drawn | self.context.randomness.global_state(),
            "curve": self.curve,
            "logged": self._logged,
            "best_score": self.best_score,
            "best_weights": self.best_weights,
            "seconds": self._elapsed(),
            "step": step,
            "genes": list(self.context.genes),
        }
        return save_checkpoint(self.context.checkpoints, state, step=step, identity=self.identity)

    def take(self, batches: Iterator[Drawn]) -> Drawn:
        """The next batch, an empty one after the last; the time until it is there counts as waiting."""
        began = time.monotonic()
        coming: Drawn = next(batches, (None, {}))
        self._waited += time.monotonic() - began
        return coming

    def log(self, figures: Mapping[str, Tensor | float]) -> None:
        """Collect a step's figures; a curve point has their means since the last validation."""
        for name, value in figures.items():
            self._logged.setdefault(name, []).append(value.item() if isinstance(value, Tensor) else value)

    def validate(self, step: int) -> None:
        """Add a curve point, keep the weights if they are the best so far, and say so on a line.

        A signal breaks it off, with nothing added. `data_wait` is the share of the time since the last validation in
        which a step waited for its batch.
        """
        stepping = time.monotonic() - self._mark
        self.model.eval()
        with torch.no_grad(), self.average.in_place(), self.loop.precision():
            figures = self.context.stop.unless_stopped(self.loop.validate)
            best = figures is not None and (figures["score"] > self.best_score or not self.loop.select_best)
            self.best_weights = copy.deepcopy(self.model.state_dict()) if best else self.best_weights
        self.model.train()
        if figures is None:
            return
        point = {
            "step": step,
            **{name: sum(values) / len(values) for name, values in self._logged.items()},
            "learning_rate": self.optimiser.param_groups[-1]["lr"],
            "seconds": round(self._elapsed(), 3),
            "data_wait": round(self._waited / max(stepping, 1e-9), 4),
            **figures,
        }
        self._logged, self._waited = {}, 0.0
        self.curve.append(point)
        self.best_score = figures["score"] if best else self.best_score
        LOG.info(" ".join(f"{key}={value:.5g}" for key, value in point.items()))
        self._mark = time.monotonic()

    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._since
