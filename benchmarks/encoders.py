"""One layer of each gene encoder over a patient's tokens, and a whole pre-training step over every gene.

REQUIRED INPUTS: none; the numbers are drawn. OUTPUTS: a table, a picture of time against length, and --output: a list
of {name, value, unit, peer, ratio, max_error}. Layers run on one thread, the step on two; what is not run is said.

    make bench-encoders
    PYTHONPATH=src python benchmarks/encoders.py --quick
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
from trials import ROOT, Outcome, over_lengths, run_child

from mgi.core.allocator import KEEPS_MEMORY
from mgi.reporting.provenance import machine

HEADLINE, ALL_GENES = 60_484, 60_660
LENGTHS = (1_024, 2_048, 4_096, 8_192, 16_384, HEADLINE)
QUICK = (1_024, 4_096)
FITTED_FROM = 4_096  # what a call costs whatever the length is no growth
PEER = "transformer"
GROWTH = {"transformer": 2.0}
PARTS = ("layers", "steps")
LAYERS = ("mamba", "mamba, both ways", PEER, "mlp", "flat_mlp", "group_attention")
OURS = "mamba, both ways"  # as the package builds it by default
CHEAPER = ("mlp", "flat_mlp", "group_attention")
EARLIER = "a view of its own, step sizes stored"
# Freed tensors go back to the kernel, which clears their pages for the next.
GIVES_BACK = {"MALLOC_MMAP_THRESHOLD_": "4194304", "THP_MEM_ALLOC_ENABLE": "1"}
# Beside the defaults: what they were; what is cheaper; and what the paper's text alone asks for, a causal scan, and the
# contrast without masked genes.
STEPS: dict[str, dict[str, Any]] = {
    "defaults": {},
    EARLIER: {"pretrain": {"masked_view": "separate"}, "stores_steps": True, "environment": GIVES_BACK},
    "memory given back": {"environment": GIVES_BACK},
    "a view of its own": {"pretrain": {"masked_view": "separate"}},
    "tied decays": {"model": {"gene_decays": "tied"}},
    "flat_mlp": {"model": {"gene_encoder": "flat_mlp"}},
    "group_attention": {"model": {"gene_encoder": "group_attention"}},
    "without masked genes": {"pretrain": {"masked_gene_weight": 0.0}},
    "causal": {"model": {"bidirectional": False}},
    "causal, without masked genes": {"model": {"bidirectional": False}, "pretrain": {"masked_gene_weight": 0.0}},
}
TARGETS: dict[str, Target] = {
    f"{OURS}: forward + backward, processor vs transformer": ("<=", "ratio", 1 / 100),
    f"{OURS}: exponent of growth, forward + backward": ("<=", "value", 1.05),
    **{f"pre-training step, {name}: wall on 2 threads": ("<=", "value", 15.0) for name in STEPS},
    **{f"pre-training step, {name}: peak memory": ("<=", "value", 4096.0) for name in STEPS},
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured: lengths, seconds that a layer may take at each, genes of the step."""

    lengths: Sequence[int]
    limit_s: float
    step_genes: int
    parts: Sequence[str]
    rounds: int
    timed: int
    steps: Sequence[str]


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help=f"lengths {QUICK} alone: a trial of the benchmark")
    options.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS, help="what is measured")
    options.add_argument("--steps", nargs="+", choices=STEPS, default=list(STEPS), help="pre-training steps")
    options.add_argument("--rounds", type=int, default=2, help="turns of the steps; the best of each counts")
    options.add_argument("--timed", type=int, default=3, help="steps that a trial times, after the first")
    options.add_argument("--limit", type=float, default=180.0, help="s; what takes longer at a length is not run")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/encoders.json")
    return options.parse_args()


def measure(plan: Plan) -> dict[str, Any]:
    """layer -> length -> outcome, the Transformer's forward pass alone at the longest, and the steps."""
    outcomes, forward = {}, Outcome(figures=None, reason="not asked for")
    for layer in LAYERS if "layers" in plan.parts else ():
        outcomes[layer] = over_lengths(
            plan.lengths,
            lambda length, layer=layer: trial({"layer": layer, "length": length, "repeats": 5, "budget_s": 10.0}, plan),
            limit_s=plan.limit_s,
            exponent=GROWTH.get(layer, 1.0),
        )
    longest = max(plan.lengths)
    if outcomes:
        alone = {"layer": PEER, "length": longest, "repeats": 1, "backward": False}
        forward = outcomes[PEER][longest] if outcomes[PEER][longest].figures else trial(alone, plan)
    of_every_step = {"layer": "step", "length": plan.step_genes, "threads": 2, "environment": KEEPS_MEMORY}
    of_every_step["timed"] = plan.timed
    asked = {name: STEPS[name] for name in plan.steps} if "steps" in plan.parts else {}
    rounds = [
        {name: trial({**of_every_step, **more}, plan, of=name) for name, more in asked.items()}
        for _ in range(plan.rounds)
    ]
    return {"outcomes": outcomes, "forward": forward, "steps": {name: best_of(rounds, name) for name in asked}}


def best_of(rounds: Sequence[Mapping[str, Outcome]], name: str) -> Outcome:
    """The least of each figure of a step over all rounds; where one failed, that one."""
    turns = [one[name] for one in rounds]
    done = [one.figures for one in turns if one.figures is not None]
    if len(done) < len(turns):
        return next(one for one in turns if one.figures is None)
    return Outcome(figures={part: min(one[part] for one in done) for part in ("step_s", "step_cpu_s", "peak_mib")})


def trial(spec: Mapping[str, Any], plan: Plan, *, of: str = "") -> Outcome:
    """One child."""
    named = f"{spec['layer']}, {of}" if of else spec["layer"]
    print(f"bench-encoders: {named}, {spec['length']} tokens", file=sys.stderr, flush=True)
    return run_child("encoder_trial.py", spec, limit_s=plan.limit_s + 30)  # Python starts within that


def rows_of(measured: Mapping[str, Any], longest: int) -> list[Row]:
    """All rows: Mamba beside the others, the steps, every layer at every length, the exponents."""
    outcomes, rows = measured["outcomes"], []
    for name in (OURS, "mamba") if outcomes else ():
        rows += rows_beside(name, {layer: by[longest].figures for layer, by in outcomes.items()}, measured["forward"])
    for name, outcome in measured["steps"].items():
        rows += step_rows(name, outcome, measured["steps"].get("defaults"))
    for layer, by_length in outcomes.items():
        for length, outcome in by_length.items():
            rows += trial_rows(layer, length, outcome)
        for part, field in (("forward", "forward_s"), ("forward + backward", "both_s")):
            exponent = exponent_of(seconds_of(by_length, field), shortest=FITTED_FROM)
            if exponent is not None:
                rows.append(row(f"{layer}: exponent of growth, {part}", exponent, ""))
    return rows


def rows_beside(ours: str, at_longest: Mapping[str, Any], forward: Outcome) -> list[Row]:
    """Mamba beside the Transformer, whose forward pass may have run alone, and beside what is cheaper."""
    rows, figures = [], at_longest[ours]
    for peer in (PEER, *CHEAPER):
        other = at_longest[peer] or (forward.figures if peer == PEER else None)
        for part, field in (
            ("forward + backward", "both_s"),
            ("forward + backward, processor", "cpu_s"),
            ("forward", "forward_s"),
        ):
            if figures and other and field in other and (part == "forward" or at_longest[peer]):
                rows.append(row(f"{ours}: {part} vs {peer}", figures[field], "s", peer=other[field]))
    return rows


def step_rows(name: str, outcome: Outcome, defaults: Outcome | None) -> list[Row]:
    """Seconds, those of the processors too, and peak memory of the whole process with Python and its libraries.

    Beside seconds stand those of the defaults.
    """
    kind = f"pre-training step, {name}"
    if outcome.figures is None:
        return [row(f"{kind}: wall on 2 threads (not run: {outcome.reason})", None, "s")]
    usual = defaults.figures if defaults is not None and name != "defaults" else None
    seconds = (("wall on 2 threads", "step_s"), ("processor", "step_cpu_s"))
    return [
        *(
            row(f"{kind}: {what}", outcome.figures[key], "s", peer=usual[key] if usual else None)
            for what, key in seconds
        ),
        row(f"{kind}: peak memory", outcome.figures["peak_mib"], "MiB"),
    ]


def main() -> None:
    """Measure, print, write, draw."""
    args = arguments()
    lengths = QUICK if args.quick else LENGTHS
    genes = QUICK[-1] if args.quick else ALL_GENES
    plan = Plan(
        lengths=lengths,
        limit_s=args.limit,
        step_genes=genes,
        parts=args.parts,
        rounds=1 if args.quick else args.rounds,
        timed=args.timed,
        steps=args.steps,
    )
    load = os.getloadavg()[0]
    measured = measure(plan)
    rows = rows_of(measured, max(lengths))
    output = ROOT / "build/bench-encoders/quick.json" if args.quick else args.output
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(rows, indent=1) + "\n")
    if measured["outcomes"]:
        picture(measured, max(lengths), output.with_suffix(".png"))
    print(f"width 64, one patient, float32, one thread; the step on two; {machine()}; load at the start {load:.1f}")
    print(table_of(rows, {} if args.quick else TARGETS))  # targets are of the whole size
    print(f"written to {output}")


def picture(measured: Mapping[str, Any], longest: int, path: Path) -> None:
    """Seconds of every layer against length."""
    panels = {
        title: {layer: seconds_of(by, field) for layer, by in measured["outcomes"].items()}
        for title, field in (("forward", "forward_s"), ("forward + backward", "both_s"))
    }
    if measured["forward"].figures is not None:
        panels["forward"][PEER][longest] = measured["forward"].figures["forward_s"]
    draw(panels, path, unit="s, one thread, one layer, one patient")


if __name__ == "__main__":
    main()
