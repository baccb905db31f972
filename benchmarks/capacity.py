"""What a pre-training on 60,660 genes asks for on GPUs, BY CALCULATION: hours, memory of a GPU, disk.

`measure` times short pre-trainings with the settings of config/config.yaml (64 genes a token) on two threads of this
machine, with two sizes of the batch. One gene a token is the step that benchmarks/encoders.py measured, of a smaller
network and eight patients. `table` calculates from these figures:

- a step takes its processor seconds over the threads, and grows with its patients;
- memory is a line through the two sizes: what a process needs whatever it holds, and what a patient adds. Where one
  size was measured, it is a bound: as if all of it grew with the patients, and none of it shrank;
- N GPUs are N times one. What they tell each other was not measured.

No step was measured on a GPU. Its speed is a factor that the caller gives; without one those cells stay empty.

    PYTHONPATH=src python benchmarks/capacity.py measure
    PYTHONPATH=src python benchmarks/capacity.py table [--gpu-speed FACTOR]
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from encoders import ALL_GENES
from trials import ROOT, run_child

from mgi.config.tree import checked
from mgi.core.allocator import KEEPS_MEMORY
from mgi.core.files import write_json
from mgi.reporting.provenance import commit, machine

RESULT = ROOT / "benchmarks/results/capacity.json"
ENCODERS = RESULT.with_name("encoder_steps.json")
OF_ENCODERS = "pre-training step, defaults"
ENCODERS_PATIENTS = 8
PATIENTS = (8, 32)
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


@dataclass(frozen=True, kw_only=True)
class Step:
    """A step's samples a second on two threads, and MiB of a process that holds so many patients of the batch."""

    tokens: str
    samples_s: float
    mib: Callable[[float], float]
    bound: str = ""


def measure() -> dict[str, Any]:
    """Seconds and MiB of a step for each size of the batch."""
    config = checked(yaml.safe_load((ROOT / "config/config.yaml").read_text()))
    steps = []
    for patients in PATIENTS:
        spec = {"layer": "step", "length": ALL_GENES, "threads": THREADS, "environment": KEEPS_MEMORY}
        spec |= {"model": config["model"], "pretrain": config["pretrain"], "whole": True, "patients": patients}
        found = run_child("encoder_trial.py", spec, limit_s=LIMIT_S)
        if found.figures is None:
            raise SystemExit(f"{patients} patients: {found.reason}")
        steps.append({"patients": patients, **found.figures})
        cpu_s, peak_mib = (found.figures[name] for name in ("step_cpu_s", "peak_mib"))
        print(f"{patients} patients: {cpu_s:.2f} s of a processor, {peak_mib:.0f} MiB", flush=True)
    schedule = {name: config["pretrain"]["schedule"][name] for name in ("steps", "batch")}
    return {"machine": machine(), "commit": commit(), "genes": ALL_GENES, "schedule": schedule, "steps": steps}


def shipped_step(found: dict[str, Any]) -> Step:
    """With the settings of config/config.yaml, by two sizes of the batch."""
    small, large = found["steps"]
    patient = (large["peak_mib"] - small["peak_mib"]) / (large["patients"] - small["patients"])
    alone = small["peak_mib"] - small["patients"] * patient
    speed = large["patients"] / large["step_cpu_s"] * THREADS
    return Step(tokens="64 genes", samples_s=speed, mib=lambda held: alone + held * patient)


def step_of_encoders() -> Step:
    """One gene a token, by the one size that was measured."""
    rows = {row["name"]: row["value"] for row in json.loads(ENCODERS.read_text())}
    peak = rows[f"{OF_ENCODERS}: peak memory"]
    return Step(
        tokens="1 gene",
        samples_s=ENCODERS_PATIENTS / rows[f"{OF_ENCODERS}: processor"] * THREADS,
        mib=lambda held: peak * max(1, held / ENCODERS_PATIENTS),
        bound="at most ",
    )


def table(found: dict[str, Any], args: argparse.Namespace) -> None:
    """Print Markdown: time and memory by kind of token and number of GPUs, then disk by size of the cohort."""
    steps, batch = found["schedule"]["steps"], found["schedule"]["batch"]
    print("| a token | where | batch | samples a second | hours for the schedule | memory of a process |")
    print("| --- | --- | ---: | ---: | ---: | ---: |")
    for step in (shipped_step(found), step_of_encoders()):
        of_gpus = {gpus: args.gpu_speed and args.gpu_speed * step.samples_s * gpus for gpus in GPUS}
        rows = [
            ("2 threads", 1, step.samples_s),
            *((f"{gpus} GPU{'s' * (gpus > 1)}", gpus, rate) for gpus, rate in of_gpus.items()),
        ]
        for where, parts, rate in rows:
            size = max(batch, parts)  # a GPU without a patient has no part in a step
            times = ("–", "–") if rate is None else (f"{rate:.3g}", f"{steps * size / rate / 3600:.3g}")
            memory = f"{step.bound}{step.mib(size / parts) / 1024:.1f} GiB"
            print(f"| {step.tokens} | {where} | {size} | {times[0]} | {times[1]} | {memory} |")
    print("\n| patients | expression, float32 | prepared slices | times a training patient is drawn |")
    print("| ---: | ---: | ---: | ---: |")
    for patients in args.patients:
        expression = patients * found["genes"] * FLOAT
        slices = patients * (args.slices + args.slices // 3) * args.pixels**2 * FLOAT  # masks of a third of them
        drawn = steps * batch / (SPLIT * patients)
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
