"""`python -m preempting`: trainings that get SIGTERM, SIGUSR1 or SIGKILL at random moments, four one after another, and
then run to their end, which must leave the weights of an undisturbed training, byte for byte.
"""

import argparse
import random
import re
import signal
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from preempting.trainings import KINDS, SCHEDULE, Ended, Kind, Moment, Training, line_of, write_study

TEMPORARY = 75
IN_A_ROW = 4
STOPPED = re.compile(r"stopped by (SIG\w+|a signal to another process) after step (\d+) of \d+; checkpoint (.+\.pt);")
BEFORE = re.compile(r"stopped by SIG\w+ before its first step;")


@dataclass
class Tally:
    """What was seen."""

    sent: dict[str, int] = field(default_factory=dict)
    checkpoints: int = 0
    late: int = 0
    wrong: list[str] = field(default_factory=list)
    slowest: float = 0.0
    most_cpu: float = 0.0


def main_of(argv: list[str]) -> int:
    """Plan, try, print one line; 1 where a promise was broken."""
    options = argparse.ArgumentParser(prog="python -m preempting", description=__doc__)
    options.add_argument("--signals", type=int, default=24)
    options.add_argument("--seed", type=int, default=0)
    chosen = options.parse_args(argv)
    torch.set_num_threads(1)
    plan, tally = _plan(chosen.signals, chosen.seed), Tally()
    with tempfile.TemporaryDirectory() as folder:
        study = write_study(Path(folder))
        expected: dict[Kind, bytes] = {}
        for number, start in enumerate(range(0, len(plan), IN_A_ROW)):
            kind = KINDS[number % len(KINDS)]
            if kind not in expected:
                expected[kind] = _undisturbed(study, kind)
            _try(study, kind, plan[start : start + IN_A_ROW], expected[kind], tally)
    for text in tally.wrong:
        print(text, file=sys.stderr)
    print(_line(tally))
    return 1 if tally.wrong else 0


def _undisturbed(study: Any, kind: Kind) -> bytes:
    """The weights of a training that nobody stops."""
    key = f"undisturbed {kind.name}"
    ended = Training(line_of(study, kind, key), kind.processes, study.folder / f"{key}.txt").end()
    if any(ended.codes):
        raise RuntimeError(ended.said)
    return bytes(study.weights(key).read_bytes())


def _try(study: Any, kind: Kind, stops: list[tuple[signal.Signals, Moment]], expected: bytes, tally: Tally) -> None:
    """Start, stop, start again, and at last run to the end."""
    key, step = f"{kind.name} {sum(tally.sent.values())}", 0
    line = line_of(study, kind, key)
    for start, (sent, moment) in enumerate(stops):
        said = study.folder / f"{key} {start}.txt"
        ended = Training(line, kind.processes, said).end(sent, moment)
        tally.sent[sent.name] = tally.sent.get(sent.name, 0) + 1
        if not any(ended.codes):  # the training had ended before the signal reached it
            tally.late += 1
            break
        step = _check(ended, sent, step, f"{key}, start {start}", tally)
    else:
        ended = Training(line, kind.processes, study.folder / f"{key} end.txt").end()
    _check_resumed(ended, step, key, tally)
    if any(ended.codes) or study.weights(key).read_bytes() != expected:
        tally.wrong.append(f"{key}: exit codes {ended.codes}, other weights than an undisturbed training: {ended.said}")


def _plan(count: int, seed: int) -> list[tuple[signal.Signals, Moment]]:
    """Signals of the three kinds in turn, in random order, four to a training: at later and later steps, or its start.

    One in six comes while the training still reads its data.
    """
    rng = random.Random(seed)
    kinds = [(signal.SIGTERM, signal.SIGUSR1, signal.SIGKILL)[number % 3] for number in range(count)]
    rng.shuffle(kinds)
    steps = [rng.randrange(SCHEDULE["steps"] // IN_A_ROW) for _ in kinds]
    starts = [number % IN_A_ROW * SCHEDULE["steps"] // IN_A_ROW for number in range(count)]
    moments = [
        Moment(step=-1, seconds=rng.uniform(0, 0.5))
        if rng.random() < 1 / 6
        else Moment(step=start + step, seconds=rng.uniform(0, 0.05))
        for start, step in zip(starts, steps, strict=True)
    ]
    return list(zip(kinds, moments, strict=True))


def _check(ended: Ended, sent: signal.Signals, before: int, where: str, tally: Tally) -> int:
    """Compare with what is promised; the step at which the next start must begin."""
    _check_resumed(ended, before, where, tally)
    if sent is signal.SIGKILL:
        every = SCHEDULE["checkpoint_every"]
        least = max(abs(before), (ended.reached - 1) // every * every)  # what was due at this very step may be missing
        return -least
    tally.slowest, tally.most_cpu = max(tally.slowest, ended.seconds), max(tally.most_cpu, ended.cpu_seconds)
    stopped = STOPPED.findall(ended.said)
    if -sent in ended.codes and ended.reached < 0:  # Python was not up yet, and had nothing to lose
        return before
    if any(code != TEMPORARY for code in ended.codes):
        tally.wrong.append(f"{where}: {sent.name} gave exit codes {ended.codes}: {ended.said[-500:]}")
    elif len(stopped) + len(BEFORE.findall(ended.said)) != 1:
        tally.wrong.append(f"{where}: {sent.name}: not one line of its end: {ended.said[-500:]}")
    elif stopped:
        tally.checkpoints += 1
        step, path = int(stopped[0][1]), Path(stopped[0][2])
        if not path.is_file() or step != ended.reached:
            tally.wrong.append(f"{where}: {path} of step {step}, expected a file of step {ended.reached}")
        return step
    return before


def _check_resumed(ended: Ended, step: int, where: str, tally: Tally) -> None:
    """A start goes on at the step that was saved; after SIGKILL (below 0) at this one or a later."""
    resumed = {int(found) for found in re.findall(r"resumed at step (\d+)", ended.said)}
    if ended.reached >= 0 and step and not resumed:
        tally.wrong.append(f"{where}: began anew, expected step {abs(step)}")
    if resumed and (min(resumed) < -step if step < 0 else resumed != {step}):
        tally.wrong.append(f"{where}: resumed at {resumed}, expected {abs(step)}")


def _line(tally: Tally) -> str:
    sent = ", ".join(f"{count} {name}" for name, count in sorted(tally.sent.items()))
    return (
        f"signals: {sum(tally.sent.values())} sent ({sent}) to trainings of {SCHEDULE['steps']} steps, "
        f"{tally.late} after their end, {tally.checkpoints} checkpoints by SIGTERM and SIGUSR1, "
        f"{len(tally.wrong)} wrong; from signal to end at most {tally.slowest:.2f} s, {tally.most_cpu:.2f} s of CPU"
    )


if __name__ == "__main__":
    sys.exit(main_of(sys.argv[1:]))
