"""What a pre-training on 60,660 genes asks for on GPUs, BY CALCULATION: hours, memory of a GPU, disk.

`measure` times short pre-trainings with the settings of config/config.yaml on two threads of this machine, with two
sizes of the batch: one token a gene, and the shipped 64 genes a token. `table` calculates from these figures:

- a step takes its processor seconds over two threads, and grows with the patients of its batch;
- memory is a line through the two sizes: what a process needs whatever it holds, and what a patient adds;
- N GPUs are N times one. What they tell each other was not measured.

No step was measured on a GPU. Its speed is a factor that the caller gives; without one those cells stay empty.

    PYTHONPATH=src python benchmarks/capacity.py measure
    PYTHONPATH=src python benchmarks/capacity.py table [--gpu-speed 50]
"""

import argparse
import json
from pathlib import Path
from typing import Any

import yaml
from encoders import ALL_GENES, STEP_ENVIRONMENT
from trials import ROOT, run_child

from mgi.config.tree import checked
from mgi.core.files import write_json
from mgi.reporting.provenance import commit, machine

RESULT = ROOT / "benchmarks/results/capacity.json"
TOKENS: dict[str, dict[str, Any]] = {"one gene a token": {"gene_patch": 1}, "64 genes a token": {}}
PATIENTS = {"one gene a token": (2, 8), "64 genes a token": (8, 32)}
LIMIT_S, THREADS = 900.0, 2
GPUS = (1, 8, 64)
SPLIT = 0.64  # of the patients train: four folds of five, less a fifth that validates
FLOAT, GIB = 4, 2**30


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("part", choices=("measure", "table"))
    options.add_argument("--gpu-speed", type=float, help="a GPU's samples a second over this machine's, as you know it")
    options.add_argument("--patients", type=int, nargs="+", default=[100, 1000, 10_000], help="sizes of the cohort")
    options.add_argument("--slices", type=int, default=35, help="of a patient, a third of them with tumour")
    options.add_argument("--pixels", type=int, default=256)
    options.add_argument("--result", type=Path, default=RESULT)
    return options.parse_args()


def measure() -> dict[str, Any]:
    """Seconds and MiB of a step, for each kind of token and size of the batch."""
    config = checked(yaml.safe_load((ROOT / "config/config.yaml").read_text()))
    steps = []
    for kind, more in TOKENS.items():
        for patients in PATIENTS[kind]:
            spec = {"layer": "step", "length": ALL_GENES, "threads": THREADS, "environment": STEP_ENVIRONMENT}
            sections = {"model": config["model"] | more, "pretrain": config["pretrain"]}
            found = run_child(
                "encoder_trial.py", {**spec, **sections, "whole": True, "patients": patients}, limit_s=LIMIT_S
            )
            if found.figures is None:
                raise SystemExit(f"{kind}, {patients} patients: {found.reason}")
            steps.append({"tokens": kind, "patients": patients, **found.figures})
            print(
                f"{kind}, {patients} patients: {found.figures['step_cpu_s']:.2f} s, {found.figures['peak_mib']:.0f} MiB"
            )
    schedule = {name: config["pretrain"]["schedule"][name] for name in ("steps", "batch")}
    return {"machine": machine(), "commit": commit(), "genes": ALL_GENES, "schedule": schedule, "steps": steps}


def table(found: dict[str, Any], args: argparse.Namespace) -> None:
    """Print Markdown: time and memory by kind of token and number of GPUs, then disk by size of the cohort."""
    steps, batch = found["schedule"]["steps"], found["schedule"]["batch"]
    print(f"Measured on {found['machine']}, at {found['commit']}; all else BY CALCULATION.\n")
    print("| tokens | where | batch | samples a second | hours for the schedule | memory of a process |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for kind in TOKENS:
        small, large = (one for one in found["steps"] if one["tokens"] == kind)
        speed = large["patients"] / large["step_cpu_s"] * THREADS
        patient = (large["peak_mib"] - small["peak_mib"]) / (large["patients"] - small["patients"])
        alone = small["peak_mib"] - small["patients"] * patient
        of_gpus = {gpus: args.gpu_speed and args.gpu_speed * speed * gpus for gpus in GPUS}
        rows = [("this machine", 1, speed), *((f"{gpus} GPUs", gpus, rate) for gpus, rate in of_gpus.items())]
        for where, parts, rate in rows:
            size = max(batch, parts)  # a GPU without a patient has no part in a step
            memory = f"{(alone + patient * size / parts) / 1024:.1f} GiB"
            times = ("–", "–") if rate is None else (f"{rate:.3g}", f"{steps * size / rate / 3600:.3g}")
            print(f"| {kind} | {where} | {size} | {times[0]} | {times[1]} | {memory} |")
    print("\n| patients | expression, float32 | prepared slices | times a training patient is drawn |")
    print("| ---: | ---: | ---: | ---: |")
    for patients in args.patients:
        expression = patients * found["genes"] * FLOAT
        planes = patients * (args.slices + args.slices // 3)
        drawn = steps * batch / (SPLIT * patients)
        slices = planes * args.pixels**2 * FLOAT
        print(f"| {patients:,} | {expression / GIB:.2f} GiB | {slices / GIB:.1f} GiB | {drawn:,.0f} |")


def main() -> None:
    """Measure and write, or calculate and print."""
    args = arguments()
    if args.part == "measure":
        write_json(args.result, measure())
    elif args.result.is_file():
        table(json.loads(args.result.read_text()), args)
    else:
        raise SystemExit(f"{args.result}: missing, expected what `measure` writes")


if __name__ == "__main__":
    main()
