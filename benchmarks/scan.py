"""The selective scan on one thread: ours beside the peers and beside the floor of the same arithmetic, in one run.

REQUIRED INPUTS: none; the numbers are drawn. Peers take part where MGI_PEER_SCAN names a Python that has them
(docs/explanation/peers.md). OUTPUTS: a table, a picture of time against length, and --output: a list of
{name, value, unit, peer, ratio, max_error}. What is not run is said, with the reason.

    make bench-scan
    PYTHONPATH=src python benchmarks/scan.py --quick
"""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scaling import Row, Target, draw, exponent_of, row, seconds_of, table_of, trial_rows
from scan_variants import PEERS, VARIANTS
from trials import ROOT, Outcome, over_lengths, run_child

from mgi.core.environment import machine

HEADLINE = 60_484  # genes of GENCODE v36 outside the pseudoautosomal region of Y, rounded as in the reference figures
LENGTHS = (1_024, 2_048, 4_096, 8_192, 16_384, HEADLINE)
QUICK = (1_024, 4_096)
BATCH, WIDTH, STATE = 2, 64, 16
FITTED_FROM = 4_096  # what a call costs whatever the length is no growth
OURS, FLOOR, RIVAL = "cpp", "floor", "mambapy"  # at the longest length these take turns
# What to foretell the next length with: backward of mamba-ssm's reference writes a full-size zero tensor each token.
GROWTH = {"mamba_ssm": 2.0}
TARGETS: dict[str, Target] = {
    "forward + backward: wall vs mambapy": ("<=", "ratio", 1 / 30),
    "forward + backward: extra memory vs mambapy": ("<=", "ratio", 0.1),
    "forward + backward: wall vs floor": ("<=", "ratio", 2.5),
    "cpp: error against float64 of the output": ("<=", "max_error", 1e-6),
    "cpp: error against float64 of all gradients": ("<=", "max_error", 1e-5),
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured: lengths, seconds that a variant may take at each, rounds at the longest, peers' Python."""

    lengths: Sequence[int]
    limit_s: float
    rounds: int
    peers: str | None
    folder: Path

    @property
    def longest(self) -> int:
        """The length of the headline figures."""
        return max(self.lengths)


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help=f"lengths {QUICK} alone: a trial of the benchmark")
    options.add_argument("--limit", type=float, default=120.0, help="s; what takes longer at a length is not run")
    options.add_argument(
        "--rounds", type=int, default=5, help="of ours, the floor and mambapy in turns at the longest length"
    )
    options.add_argument("--peers", default=os.environ.get("MGI_PEER_SCAN"), help="Python of the peers' environment")
    options.add_argument("--folder", type=Path, default=ROOT / "build/bench-scan")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/scan.json")
    return options.parse_args()


def measure(plan: Plan) -> dict[str, Any]:
    """variant -> length -> outcome; `rounds` of those that take turns at the longest; errors by variant."""
    outcomes = {}
    for variant in VARIANTS:
        outcomes[variant] = over_lengths(
            plan.lengths,
            lambda length, variant=variant: trial(plan, variant, length),
            limit_s=plan.limit_s,
            exponent=GROWTH.get(variant, 1.0),
        )
    exact = plan.folder / f"exact-{plan.longest}.pt"
    if not exact.exists():
        say(f"float64 reference, {plan.longest} tokens")
        done = run_child("scan_trial.py", spec_of("exact", plan.longest, exact=str(exact)), limit_s=10 * plan.limit_s)
        if done.figures is None:
            raise SystemExit(f"bench-scan: no float64 reference: {done.reason}")
    errors = {}
    for variant in ("cpp", "torch"):
        if outcomes[variant][plan.longest].figures is not None:
            errors[variant] = compared(variant, plan, exact)
    turns = [name for name in (OURS, FLOOR, RIVAL) if name == FLOOR or outcomes[name][plan.longest].figures is not None]
    rounds = [{name: trial(plan, name, plan.longest) for name in turns} for _ in range(plan.rounds)]
    return {"outcomes": outcomes, "errors": errors, "rounds": rounds}


def spec_of(variant: str, length: int, **more: Any) -> dict[str, Any]:
    """The specification of a trial at the benchmark's shape."""
    return {"variant": variant, "batch": BATCH, "length": length, "width": WIDTH, "state": STATE, **more}


def trial(plan: Plan, variant: str, length: int, **more: Any) -> Outcome:
    """One trial, in the peers' Python for a peer."""
    python = plan.peers if variant in PEERS else sys.executable
    if python is None:
        return Outcome(figures=None, reason="not installed: MGI_PEER_SCAN names no Python")
    say(f"{variant}, {length} tokens")
    spec = spec_of(variant, length, **{"repeats": 5, "budget_s": 10.0, **more})
    return run_child("scan_trial.py", spec, python=python, limit_s=plan.limit_s + 30)  # Python starts within that


def compared(variant: str, plan: Plan, exact: Path) -> Mapping[str, float]:
    """Errors of a variant's output and gradients at the longest length."""
    outcome = trial(plan, variant, plan.longest, repeats=1, exact=str(exact))
    if outcome.figures is None:
        raise SystemExit(f"bench-scan: {variant} could not be compared with float64: {outcome.reason}")
    errors: Mapping[str, float] = outcome.figures["errors"]
    return errors


def rows_of(measured: Mapping[str, Any], longest: int) -> list[Row]:
    """All rows: the headline figures first, then every variant at every length, then the exponents."""
    outcomes, rows = measured["outcomes"], []
    beside = {variant: [by_length[longest]] for variant, by_length in outcomes.items()}
    for one in measured["rounds"]:
        for variant, outcome in one.items():
            beside.setdefault(variant, []).append(outcome)
    rows += headline_rows({variant: best_of(trials) for variant, trials in beside.items()})
    for variant, errors in measured["errors"].items():
        rows += error_rows(variant, errors)
    for variant, by_length in outcomes.items():
        for length, outcome in by_length.items():
            rows += trial_rows(variant, length, outcome)
        exponent = exponent_of(seconds_of(by_length, "both_s"), shortest=FITTED_FROM)
        if exponent is not None:
            rows.append(row(f"{variant}: exponent of growth, forward + backward", exponent, ""))
    return rows


def best_of(outcomes: Sequence[Outcome]) -> dict[str, float] | None:
    """The least of every figure over several rounds; None where no round came to its end."""
    found = [one.figures for one in outcomes if one.figures is not None]
    return {name: min(figures[name] for figures in found) for name in found[0]} if found else None


def headline_rows(best: Mapping[str, Mapping[str, float] | None]) -> list[Row]:
    """Ours beside every other that came to its end at the longest length; the floor reads and writes nothing."""
    ours, rows = best[OURS], []
    for variant, figures in best.items():
        if ours is None or figures is None or variant == OURS:
            continue
        rows.append(row(f"forward: wall vs {variant}", ours["forward_s"], "s", peer=figures["forward_s"]))
        rows.append(row(f"forward + backward: wall vs {variant}", ours["both_s"], "s", peer=figures["both_s"]))
        if variant != FLOOR:
            memory = row(
                f"forward + backward: extra memory vs {variant}", ours["extra_mib"], "MiB", peer=figures["extra_mib"]
            )
            rows.append(memory)
    return rows


def error_rows(variant: str, errors: Mapping[str, float]) -> list[Row]:
    """Errors against float64 of the output and of every gradient, as shares of the largest exact value."""
    name = f"{variant}: error against float64 of"
    rows = [row(f"{name} the output", None, "", max_error=errors["y"])]
    rows.append(row(f"{name} all gradients", None, "", max_error=max(errors[one] for one in errors if one != "y")))
    rows += [row(f"{name} d{one}", None, "", max_error=error) for one, error in errors.items() if one != "y"]
    return rows


def say(what: str) -> None:
    """A line on the way."""
    print(f"bench-scan: {what}", file=sys.stderr, flush=True)


def main() -> None:
    """Measure, print, write, draw."""
    args = arguments()
    plan = Plan(
        lengths=QUICK if args.quick else LENGTHS,
        limit_s=args.limit,
        rounds=2 if args.quick else args.rounds,
        peers=args.peers,
        folder=args.folder,
    )
    plan.folder.mkdir(parents=True, exist_ok=True)
    load = os.getloadavg()[0]
    measured = measure(plan)
    rows = rows_of(measured, plan.longest)
    output = plan.folder / "quick.json" if args.quick else args.output
    output.write_text(json.dumps(rows, indent=1) + "\n")
    panels = {
        title: {variant: seconds_of(by, field) for variant, by in measured["outcomes"].items()}
        for title, field in (("forward", "forward_s"), ("forward + backward", "both_s"))
    }
    draw(panels, output.with_suffix(".png"), unit="s, one thread")
    print(f"B={BATCH}, d_inner={WIDTH}, N={STATE}, float32, one thread; {machine()}; load at the start {load:.1f}")
    print(table_of(rows, {} if args.quick else TARGETS))  # targets are of the whole size
    print(f"written to {output}")


if __name__ == "__main__":
    main()
