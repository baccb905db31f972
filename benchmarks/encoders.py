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

from mgi.reporting.provenance import machine

HEADLINE, ALL_GENES = 60_484, 60_660
LENGTHS = (1_024, 2_048, 4_096, 8_192, 16_384, HEADLINE)
QUICK = (1_024, 4_096)
FITTED_FROM = 4_096  # what a call costs whatever the length is no growth
PEER = "transformer"
GROWTH = {"transformer": 2.0}
LAYERS = ("mamba", "mamba, both ways", PEER, "mlp", "flat_mlp", "group_attention")
# Beside the defaults, what the paper's text alone asks for: a causal scan, and the contrast without masked genes.
STEPS: dict[str, dict[str, Any]] = {
    "defaults": {},
    "one pass over the genes": {"pretrain": {"masked_view": "shared"}},
    "without masked genes": {"pretrain": {"masked_gene_weight": 0.0}},
    "causal": {"model": {"bidirectional": False}},
    "causal, without masked genes": {"model": {"bidirectional": False}, "pretrain": {"masked_gene_weight": 0.0}},
}
# As rule `pretrain` starts its job; docs/explanation/what-mgi-is.md says why.
STEP_ENVIRONMENT = {"MALLOC_MMAP_THRESHOLD_": "4194304", "THP_MEM_ALLOC_ENABLE": "1"}
TARGETS: dict[str, Target] = {
    "mamba: forward vs transformer": ("<=", "ratio", 1 / 100),
    "mamba: exponent of growth, forward + backward": ("<=", "value", 1.05),
    **{f"pre-training step, {name}: wall on 2 threads": ("<=", "value", 15.0) for name in STEPS},
    **{f"pre-training step, {name}: peak memory": ("<=", "value", 4096.0) for name in STEPS},
}


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is measured: lengths, seconds that a layer may take at each, genes of the step."""

    lengths: Sequence[int]
    limit_s: float
    step_genes: int


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help=f"lengths {QUICK} alone: a trial of the benchmark")
    options.add_argument("--limit", type=float, default=180.0, help="s; what takes longer at a length is not run")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/encoders.json")
    return options.parse_args()


def measure(plan: Plan) -> dict[str, Any]:
    """layer -> length -> outcome, the Transformer's forward pass alone at the longest, and the steps."""
    outcomes = {}
    for layer in LAYERS:
        outcomes[layer] = over_lengths(
            plan.lengths,
            lambda length, layer=layer: trial({"layer": layer, "length": length, "repeats": 5, "budget_s": 10.0}, plan),
            limit_s=plan.limit_s,
            exponent=GROWTH.get(layer, 1.0),
        )
    longest = max(plan.lengths)
    alone = {"layer": PEER, "length": longest, "repeats": 1, "backward": False}
    forward = outcomes[PEER][longest] if outcomes[PEER][longest].figures else trial(alone, plan)
    of_every_step = {"layer": "step", "length": plan.step_genes, "threads": 2, "environment": STEP_ENVIRONMENT}
    steps = {name: trial({**of_every_step, **more}, plan) for name, more in STEPS.items()}
    return {"outcomes": outcomes, "forward": forward, "steps": steps}


def trial(spec: Mapping[str, Any], plan: Plan) -> Outcome:
    """One child."""
    print(f"bench-encoders: {spec['layer']}, {spec['length']} tokens", file=sys.stderr, flush=True)
    return run_child("encoder_trial.py", spec, limit_s=plan.limit_s + 30)  # Python starts within that


def rows_of(measured: Mapping[str, Any], longest: int) -> list[Row]:
    """All rows: Mamba beside the Transformer, the steps, every layer at every length, the exponents."""
    outcomes, rows = measured["outcomes"], []
    ours, peer = outcomes["mamba"][longest].figures, measured["forward"].figures
    if ours is not None and peer is not None:
        rows.append(row("mamba: forward vs transformer", ours["forward_s"], "s", peer=peer["forward_s"]))
    for name, outcome in measured["steps"].items():
        rows += step_rows(name, outcome)
    for layer, by_length in outcomes.items():
        for length, outcome in by_length.items():
            rows += trial_rows(layer, length, outcome)
        for part, field in (("forward", "forward_s"), ("forward + backward", "both_s")):
            exponent = exponent_of(seconds_of(by_length, field), shortest=FITTED_FROM)
            if exponent is not None:
                rows.append(row(f"{layer}: exponent of growth, {part}", exponent, ""))
    return rows


def step_rows(name: str, outcome: Outcome) -> list[Row]:
    """Wall seconds and peak memory of the whole process, Python and its libraries included."""
    wall, peak = f"pre-training step, {name}: wall on 2 threads", f"pre-training step, {name}: peak memory"
    if outcome.figures is None:
        return [row(f"{wall} (not run: {outcome.reason})", None, "s")]
    return [row(wall, outcome.figures["step_s"], "s"), row(peak, outcome.figures["peak_mib"], "MiB")]


def main() -> None:
    """Measure, print, write, draw."""
    args = arguments()
    lengths = QUICK if args.quick else LENGTHS
    plan = Plan(lengths=lengths, limit_s=args.limit, step_genes=QUICK[-1] if args.quick else ALL_GENES)
    load = os.getloadavg()[0]
    measured = measure(plan)
    rows = rows_of(measured, max(lengths))
    output = ROOT / "build/bench-encoders/quick.json" if args.quick else args.output
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(rows, indent=1) + "\n")
    panels = {
        title: {layer: seconds_of(by, field) for layer, by in measured["outcomes"].items()}
        for title, field in (("forward", "forward_s"), ("forward + backward", "both_s"))
    }
    if measured["forward"].figures is not None:
        panels["forward"][PEER][max(lengths)] = measured["forward"].figures["forward_s"]
    draw(panels, output.with_suffix(".png"), unit="s, one thread, one layer, one patient")
    print(f"width 64, one patient, float32, one thread; the step on two; {machine()}; load at the start {load:.1f}")
    print(table_of(rows, {} if args.quick else TARGETS))  # targets are of the whole size
    print(f"written to {output}")


if __name__ == "__main__":
    main()
