"""A training step of U-Net by our loop, beside MONAI (a plain loop, its trainer) and nnU-Net's default 2-D trainer.

REQUIRED INPUTS: none; the cohort is drawn. MONAI's trainer takes part where MGI_PEER_IGNITE names the folder that
pytorch-ignite was installed to, nnU-Net where MGI_PEER_NNUNET_PYTHON names a Python that has it
(docs/explanation/peers.md). OUTPUTS: a table, and --output: a list of {name, value, unit, peer, ratio, max_error}.
They take turns. Every trial is a process of its own; torch has one thread, and what draws batches lies in the same
process. Pixels and batch are those of config/kaggle.yaml for all. Figures are processor time, which other work on the
machine disturbs less than the clock on the wall; drawing counts in full, though ours runs beside the network.

    PYTHONPATH=src python benchmarks/trainers.py
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from scaling import Row, row, table_of
from train_cohort import write_cohort
from trials import ROOT, Outcome, run_child

from mgi.reporting.provenance import machine

SIZE = 64
OURS = "ours"
# Who -> script, and what its trial is told beside the cohort. The same network for all but the last.
TRIALS: dict[str, tuple[str, dict[str, Any]]] = {
    OURS: ("trainers_trial.py", {"kind": "ours"}),
    "a plain MONAI loop, same network": ("trainers_trial.py", {"kind": "monai"}),
    "MONAI's SupervisedTrainer, same network": ("trainers_trial.py", {"kind": "supervised_trainer"}),
    "nnU-Net's trainer, same network": ("trainers_nnunet.py", {"network": "basic_unet"}),
    "nnU-Net's trainer, its network": ("trainers_nnunet.py", {"network": "planned"}),
}


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--turns", type=int, default=3, help="of all; the best of each counts")
    options.add_argument("--steps", type=int, default=60, help="that one trial times, after some to warm up")
    options.add_argument("--limit", type=float, default=300.0, help="s that one trial may take")
    options.add_argument("--ignite", default=os.environ.get("MGI_PEER_IGNITE"), help="folder that holds pytorch-ignite")
    options.add_argument("--nnunet", default=os.environ.get("MGI_PEER_NNUNET_PYTHON"), help="Python that has nnU-Net")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/trainers.json")
    return options.parse_args()


def measure(args: argparse.Namespace) -> dict[str, list[Outcome]]:
    """Who -> an outcome a turn."""
    config = yaml.safe_load((ROOT / "config/kaggle.yaml").read_text())
    found: dict[str, list[Outcome]] = {who: [] for who in TRIALS}
    with tempfile.TemporaryDirectory() as name:
        cohort = Path(name) / "cohort"
        write_cohort(cohort, patients=2)
        shared = {"cohort": str(cohort), "size": SIZE, "steps": args.steps, "model": config["model"]}
        shared["batch"] = config["finetune"]["schedule"]["batch"]
        for turn in range(args.turns):
            for who in turned(list(TRIALS), turn):
                found[who].append(trial(who, shared, args))
    return found


def turned(names: list[str], turn: int) -> list[str]:
    """Each turn begins with another one, so that nobody always follows the same neighbour."""
    start = turn % len(names)
    return names[start:] + names[:start]


def trial(who: str, shared: Mapping[str, Any], args: argparse.Namespace) -> Outcome:
    """One child, in nnU-Net's Python for nnU-Net, with pytorch-ignite on the path for MONAI's trainer."""
    script, own = TRIALS[who]
    spec, python = {**shared, **own}, sys.executable
    if script == "trainers_nnunet.py":
        if args.nnunet is None:
            return Outcome(figures=None, reason="not installed: MGI_PEER_NNUNET_PYTHON names no Python")
        python = args.nnunet
    if own.get("kind") == "supervised_trainer":
        if args.ignite is None:
            return Outcome(figures=None, reason="not installed: MGI_PEER_IGNITE names no folder")
        spec["environment"] = {"PYTHONPATH": os.pathsep.join([str(ROOT / "src"), args.ignite])}
    print(f"trainers: {who}", file=sys.stderr, flush=True)
    return run_child(script, spec, python=python, limit_s=args.limit)


def rows_of(found: Mapping[str, Sequence[Outcome]]) -> list[Row]:
    """Our step beside each other's, the best of all turns; parameters of each network."""
    best = {who: best_of(turns) for who, turns in found.items()}
    ours, rows = best[OURS], []
    for who, figures in best.items():
        if figures is None:
            rows.append(row(f"step vs {who} (not run: {reason_of(found[who])})", None, "ms"))
        elif ours is not None and who != OURS:
            rows.append(row(f"step vs {who}", ours["step_ms"], "ms", peer=figures["step_ms"]))
            rows.append(row(f"step without data vs {who}", ours["passes_ms"], "ms", peer=figures["passes_ms"]))
    rows += [row(f"parameters, {who}", figures["parameters"], "") for who, figures in best.items() if figures]
    return rows


def best_of(turns: Sequence[Outcome]) -> dict[str, float] | None:
    """The least of each figure; None where a turn failed."""
    done = [one.figures for one in turns if one.figures is not None]
    return {name: min(one[name] for one in done) for name in done[0]} if done and len(done) == len(turns) else None


def reason_of(turns: Sequence[Outcome]) -> str:
    """Why the first turn that failed did."""
    return next((one.reason for one in turns if one.figures is None), "")


def main() -> None:
    """Measure, print, write."""
    args = arguments()
    load = os.getloadavg()[0]
    rows = rows_of(measure(args))
    args.output.write_text(json.dumps(rows, indent=1) + "\n")
    print(f"U-Net, {SIZE} px, processor time; {machine()}; load at the start {load:.1f}")
    print(table_of(rows, {}))
    print(f"written to {args.output}")


if __name__ == "__main__":
    main()
