"""What became of pre-training, in words: its loss on validation patients beside that of a guess."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mgi.reporting.results import RunCurve
from mgi.tasks.text import number

LOSS, CHANCE = "loss_above_min", "chance_loss_above_min"


@dataclass(frozen=True)
class Course:
    """The validation loss of one run above its minimum: at its first and last validation, at its lowest, of a guess."""

    run: str
    first: float
    last: float
    lowest: float
    lowest_step: int
    chance: float
    is_null: bool

    @property
    def failed(self) -> bool:
        """Whether a guess does as well as the last weights, or as any."""
        return self.last >= self.chance


def kind_of(run: str) -> str:
    """What kind of pre-training a run is: its key without fold and seed."""
    return re.sub(r"-fold\d+-seed\d+$", "", run)


def courses(curves: Sequence[RunCurve]) -> list[Course]:
    """The courses of the pre-trainings that logged a validation loss beside chance."""
    found = []
    for curve in curves:
        loss, chance = curve.by_step(LOSS), curve.by_step(CHANCE)
        if curve.method is None and len(loss) and len(chance):
            ends = (float(loss.iloc[0]), float(loss.iloc[-1]), float(loss.min()))
            lowest_step = int(loss.index[int(loss.argmin())])
            found.append(Course(curve.run, *ends, lowest_step, float(chance.iloc[-1]), curve.is_null))
    return found


def pretraining_sentences(curves: Sequence[RunCurve], keep: str) -> list[str]:
    """A sentence a kind of pre-training: in how many runs it failed, and the figures of the first that did or did not.

    `keep` says which weights are kept, as `pretrain.keep` does.
    """
    by_kind: dict[str, list[Course]] = {}
    for course in courses(curves):
        by_kind.setdefault(kind_of(course.run), []).append(course)
    return [_sentence(kind, runs, keep) for kind, runs in by_kind.items()]


def failed_pretrainings(curves: Sequence[RunCurve], keep: str) -> list[str]:
    """The sentences of the kinds of which a run failed that should have learned something."""
    failed = {kind_of(course.run) for course in courses(curves) if course.failed and not course.is_null}
    return pretraining_sentences([curve for curve in curves if kind_of(curve.run) in failed], keep)


def _sentence(kind: str, runs: Sequence[Course], keep: str) -> str:
    failed = [course for course in runs if course.failed]
    shown = (failed or runs)[0]
    many = "" if len(runs) == 1 else f" in {len(failed)} of {len(runs)} runs" if failed else f" in all {len(runs)} runs"
    where = "" if len(runs) == 1 else f" in {shown.run}"
    went = f"went from {number(shown.first)} to {number(shown.last)}{where}"
    course = f"the loss on validation patients, above its minimum, {went}"
    guess = f"that of a guess is {number(shown.chance)}"
    control = " Its pairs are permuted: it is a control, and should learn nothing." if shown.is_null else ""
    lowest = f"{number(shown.lowest)} at step {shown.lowest_step}"
    if not failed:
        return f"Pre-training ({kind}) ended better than a guess{many}: {course}; {guess}."
    if shown.lowest >= shown.chance:
        never = f"and was never below that of a guess ({number(shown.chance)})"
        verdict = "learned nothing" if shown.is_null else "failed"
        return f"Pre-training ({kind}) {verdict}{many}: {course}, {never}.{control}"
    kept = ", and the weights of that step were kept" if keep == "lowest_loss" else ""
    return (
        f"Pre-training ({kind}) ended no better than a guess{many}: {course}; {guess}. Its lowest was {lowest}{kept}: "
        f"after that it fitted the training patients alone.{control}"
    )
