"""Segmentation training: the data path beside MONAI's, and a step of the loop beside forward and backward alone.

REQUIRED INPUTS: none; cohort and genes are drawn. OUTPUTS: a table, and --output: a list of {name, value, unit, peer,
ratio}. One thread where not said, each trial a process of its own, models as in config/kaggle.yaml; what is not run
is said.

    make bench-train
    PYTHONPATH=src python benchmarks/train.py --quick
    PYTHONPATH=src python benchmarks/train.py --device cuda --size 256 --output benchmarks/results/train_gpu.json
"""

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from scaling import Row, Target, row, table_of
from train_cohort import write_cohort
from trials import ROOT, Outcome, run_child

from mgi.reporting.provenance import machine

METHODS = ("unet", "attention_unet", "resunet", "deeplabv3plus", "mgi")
SIZES = (64, 256)
THREADS, WORKERS = (1, 2), (0, 1, 2)  # ours, the peer's; a machine of two cores has no more of either
# What a run does at each size: the steps and batches of its config, drawn from some 2,700 slices that are decoded once.
DECODED = 2_700
CONFIGS = {64: "kaggle.yaml", 256: "kaggle-gpu.yaml"}
SCHEDULES = {
    size: yaml.safe_load((ROOT / "config" / name).read_text())["finetune"]["schedule"] for size, name in CONFIGS.items()
}
DATA_TURNS = 3
WHOLE = "decode, augment and batch, over a whole run"
TARGETS: dict[str, Target] = {
    **{f"data path, {size} px: {WHOLE}": (">=", "ratio", 5.0) for size in SIZES},
    **{f"step, {method}": ("<=", "ratio", 1.15) for method in METHODS},
}


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--quick", action="store_true", help="few batches and steps: a trial of the benchmark")
    options.add_argument("--device", choices=["cpu", "cuda"], default="cpu", help="where the network computes")
    options.add_argument("--size", type=int, default=64, help="px; side of the images of the steps")
    options.add_argument("--limit", type=float, default=300.0, help="s that one trial may take")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/train.json")
    return options.parse_args()


def variants(device: str) -> dict[str, dict[str, Any]]:
    """What is said behind a method's name -> the keys of its trial; a CPU has one."""
    if device == "cpu":
        return {"": {}}
    named = {"": {}, ", bf16": {"precision": "bf16"}, ", bf16, compiled": {"precision": "bf16", "compile": True}}
    return {said: {"device": device, **more} for said, more in named.items()}


def measure_data(args: argparse.Namespace) -> dict[int, dict[str, Outcome]]:
    """size -> who -> outcome; ours once for each number of threads, MONAI of workers. All take turns, the best counts.

    In turns, because what a neighbour takes of a shared machine's memory changes within minutes, by a factor of two.
    """
    found: dict[int, dict[str, Outcome]] = {}
    with tempfile.TemporaryDirectory() as name:
        cohort = Path(name) / "cohort"
        write_cohort(cohort, patients=2 if args.quick else 8)
        for size in SIZES:
            shared = {"cohort": str(cohort), "size": size, "batch": SCHEDULES[size]["batch"]}
            shared["batches"] = 10 if args.quick else 100
            own = {"kind": "ours", "device": args.device, **shared}
            specs = {f"ours, threads {threads}": {**own, "threads": threads} for threads in THREADS}
            specs |= {f"MONAI, workers {count}": {"kind": "monai", **shared, "workers": count} for count in WORKERS}
            turns = [
                {who: trial(spec, args) for who, spec in specs.items()} for _ in range(1 if args.quick else DATA_TURNS)
            ]
            found[size] = {who: best_of([turn[who] for turn in turns]) for who in specs}
    return found


def best_of(turns: list[Outcome]) -> Outcome:
    """The best of each figure of the same trial; where one failed, that one."""
    done = [one.figures for one in turns if one.figures is not None]
    if len(done) < len(turns):
        return next(one for one in turns if one.figures is None)
    return Outcome(figures={part: max(one[part] for one in done) for part in done[0]})


def measure_steps(args: argparse.Namespace) -> dict[str, Outcome]:
    """method with its variant -> outcome."""
    sizes = yaml.safe_load((ROOT / "config/kaggle.yaml").read_text())["model"] | {"image_size": args.size}
    pace = {"steps": 2, "rounds": 1} if args.quick else {"steps": 12, "rounds": 4}
    pace["batch"] = batch_of(args.size)
    return {
        method + said: trial({"kind": "step", "method": method, "model": sizes, **pace, **more}, args)
        for method in METHODS
        for said, more in variants(args.device).items()
    }


def batch_of(size: int) -> int:
    """Slices a step: those of the config that is nearest in size."""
    return int(SCHEDULES[min(SCHEDULES, key=lambda known: abs(known - size))]["batch"])


def trial(spec: Mapping[str, Any], args: argparse.Namespace) -> Outcome:
    """One child."""
    said = ", ".join(
        str(spec[key]) for key in ("kind", "method", "size", "threads", "workers", "precision") if key in spec
    )
    print(f"bench-train: {said}", file=sys.stderr, flush=True)
    return run_child("train_trial.py", spec, limit_s=args.limit)


def data_rows(size: int, found: Mapping[str, Outcome]) -> list[Row]:
    """Our best beside MONAI's best: decoding once, drawing, and both over a whole run; then each trial."""
    name = f"data path, {size} px"
    missing = [f"{who}: {one.reason}" for who, one in found.items() if one.figures is None]
    ours, peers = (
        [one.figures for who, one in found.items() if who.startswith(side) and one.figures is not None]
        for side in ("ours", "MONAI")
    )
    if not ours or not peers:
        return [row(f"{name} (not run: {'; '.join(missing)})", None, "samples/s")]
    best, peer = ({part: max(one[part] for one in trials) for part in trials[0]} for trials in (ours, peers))
    return [
        row(f"{name}: {WHOLE}", whole_rate(best, size), "samples/s", peer=whole_rate(peer, size)),
        row(f"{name}: decode", best["decoded_per_s"], "slices/s", peer=peer["decoded_per_s"]),
        row(f"{name}: augment and batch", best["drawn_per_s"], "samples/s", peer=peer["drawn_per_s"]),
        row(f"{name}: batch, as handed to a GPU", best["handed_per_s"], "samples/s"),
        *(
            row(f"{name}: {WHOLE}, {who}", whole_rate(one.figures, size), "samples/s")
            for who, one in found.items()
            if one.figures is not None
        ),
    ]


def whole_rate(figures: Mapping[str, float], size: int) -> float:
    """Samples a second of a run that decodes its slices once and then draws from them."""
    drawn = SCHEDULES[size]["steps"] * SCHEDULES[size]["batch"]
    return drawn / (DECODED / figures["decoded_per_s"] + drawn / figures["drawn_per_s"])


def step_rows(name: str, outcome: Outcome) -> list[Row]:
    """The loop's step beside forward and backward alone, those with the optimiser, and the wait for data."""
    if outcome.figures is None:
        return [row(f"step, {name} (not run: {outcome.reason})", None, "ms")]
    loop, passes, whole = (1e3 * outcome.figures[key] for key in ("loop_s", "passes_s", "whole_s"))
    return [
        row(f"step, {name}", loop, "ms", peer=passes),
        row(f"step, {name}: beside passes and optimiser", loop, "ms", peer=whole),
        row(f"step, {name}: waiting for data", 100 * outcome.figures["wait"], "%"),
    ]


def main() -> None:
    """Measure, print, write."""
    args = arguments()
    load = os.getloadavg()[0]
    rows = [one for size, found in measure_data(args).items() for one in data_rows(size, found)]
    rows += [one for name, outcome in measure_steps(args).items() for one in step_rows(name, outcome)]
    for one in rows:
        del one["max_error"]
    output = ROOT / "build/bench-train/quick.json" if args.quick else args.output
    output.parent.mkdir(parents=True, exist_ok=True)
    output.write_text(json.dumps(rows, indent=1) + "\n")
    steps = f"steps of {args.size} px on one thread, batches of {batch_of(args.size)}"
    print(f"{args.device}, {steps}; {machine()}; load before {load:.1f}")
    print(table_of([{**one, "max_error": None} for one in rows], {} if args.quick else TARGETS))
    print(f"written to {output}")


if __name__ == "__main__":
    main()
