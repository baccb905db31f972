"""Most memory of every job that reads a cohort, at several sizes of the cohort, and how much a patient adds.

Patients are drawn: slices of patches and noise, a third with a mask, and expression. Each job is a process of its own,
forked from one that has imported everything, and watched while it runs: `anonymous` is the most memory of its own
(RssAnon), `peak` the most that was resident (VmHWM), which also counts pages of files that the kernel may drop.

    PYTHONPATH=src python benchmarks/memory.py --patients 1000 4000
    PYTHONPATH=src python benchmarks/memory.py --patients 100 --jobs prepare-slices finetune-unet
"""

import argparse
import importlib
import json
import multiprocessing
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from mgi.cli import main as main_of_mgi
from mgi.cohort.pairing import CohortRow, Offer, Presence
from mgi.cohort.settings import SplitSettings
from mgi.cohort.split import split_patients, whole_cohort
from mgi.cohort.tables import read_split, write_split
from mgi.cohort.tables import write_cohort as write_cohort_table
from mgi.core.run import Run
from mgi.locks.lock import Lock
from mgi.reporting.provenance import commit, machine
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.expression_shard import FEATURES_FILE, VALUES_FILE, describe_expression, write_values
from mgi.shards.image_shard import KIND, SLICES_FILE, PatientImages, image_shard_writer

ROOT = Path(__file__).parents[1]
START = Run(task="pretraining", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)
RUNS = {
    "pretrain": START,
    "unet": Run(task="segmentation", method="unet", inputs=("flair",), fold=0, seed=0),
    "mgi": Run(task="segmentation", method="mgi", inputs=("flair", "rna"), pretrained=START.key, fold=0, seed=0),
}
JOBS = (
    "prepare-slices", "check-leaks", "fit-genes", "fit-genes-components", "pretrain", "finetune-unet", "finetune-mgi",
    "predict-fold-unet", "predict-fold-mgi", "evaluate", "release", "prepare-external",
)  # fmt: skip
COMMANDS = (
    "prepare_slices", "check_leaks", "fit_genes", "pretrain", "finetune", "predict_fold", "evaluate", "release",
    "prepare_external",
)  # fmt: skip
MIB = 1024  # KiB


def arguments() -> argparse.Namespace:
    """What the command line says."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--patients", type=int, nargs="+", default=[1000, 4000])
    options.add_argument("--slices", type=int, default=35, help="of a patient")
    options.add_argument("--pixels", type=int, default=64, help="side of the slices, and of the network's square")
    options.add_argument("--genes", type=int, default=20_000)
    options.add_argument("--steps", type=int, default=20, help="of each training")
    options.add_argument("--jobs", nargs="+", choices=JOBS, default=list(JOBS), metavar="JOB")
    options.add_argument("--folder", type=Path, default=ROOT / "build/memory", help="for cohorts, which go at the end")
    options.add_argument("--keep", action="store_true", help="keep the cohorts, for a next call")
    options.add_argument("--output", type=Path, default=ROOT / "benchmarks/results/memory.json")
    return options.parse_args()


def write_cohort(folder: Path, args: argparse.Namespace, n_patients: int) -> None:
    """Shards and split in the layout of results; what an earlier call finished is kept."""
    if (folder / "tables/split.parquet").exists():
        return
    patients = [f"P{number:05d}" for number in range(n_patients)]
    images, expression = folder / "shards/flair", folder / "shards/rna"
    with image_shard_writer(images / SLICES_FILE) as writer:
        for number, patient in enumerate(patients):
            writer.add(drawn_patient(patient, np.random.default_rng([number, 0]), args))
    write_dataset(images / "dataset.json", KIND, [images / SLICES_FILE], {"simulated": True, "modality": "flair"})
    genes = pd.DataFrame({"gene_index": range(args.genes), "gene_id": [f"G{one:05d}" for one in range(args.genes)]})
    genes = genes.assign(gene_name="x", gene_type=None, chromosome=None, start=None)
    values = (np.random.default_rng([number, 1]).normal(5, 2, args.genes) for number in range(n_patients))
    rows = ((patient, one.astype(np.float32), None) for patient, one in zip(patients, values, strict=True))
    write_values(expression / VALUES_FILE, genes, "as given", rows, with_counts=False)
    places = (expression / VALUES_FILE, expression / FEATURES_FILE, expression / "dataset.json")
    describe_expression(*places, genes, simulated=True, modality="rna")
    split = split_patients(patients, SplitSettings(), sites=dict.fromkeys(patients, "AA"))
    write_split(split, folder / "tables/split.parquet", folder / "tables/split.tsv")


def drawn_patient(patient: str, rng: np.random.Generator, args: argparse.Namespace) -> PatientImages:
    """Coarse patches under noise, so that no two slices are alike, and a square of tumour on a third of the slices."""
    slices = rng.integers(0, 64, (args.slices, args.pixels, args.pixels), dtype=np.uint8)
    patch = np.arange(args.pixels) * 6 // args.pixels
    slices += rng.integers(0, 191, (args.slices, 6, 6), dtype=np.uint8)[:, patch][:, :, patch]
    masks, quarter = np.zeros_like(slices), args.pixels // 4
    masks[: args.slices // 3, quarter : 2 * quarter, quarter : 3 * quarter] = 1
    return PatientImages(
        patient_id=patient, slices=slices, masks=masks, spacing_mm=None, positions_mm=None, source="drawn"
    )


def write_halves(folder: Path) -> None:
    """The first half of the patients as those who train, the second as the cohort of another archive."""
    patients = sorted(set(read_split(folder / "tables/split.parquet")["patient_id"]))
    half = len(patients) // 2
    trained = whole_cohort(patients[:half], SplitSettings(), sites=dict.fromkeys(patients, "AA"))
    write_split(trained, folder / "external/whole.parquet")
    there = Presence(reason=None, key="drawn", companions={}, notes=())
    about = {"site": "AA", "reason": None, "modalities": {"flair": there, "rna": there}, "notes": ""}
    rows = [CohortRow(patient_id=one, simulated=True, **about) for one in patients[half:]]
    locks = [Lock(modality=one, source="drawn", simulated=True, items=()) for one in ("flair", "rna")]
    offers = [
        Offer(lock=one, raw={}, absent=str, note=lambda item: None, is_image=one.modality == "flair") for one in locks
    ]
    places = [folder / f"external/cohort.{end}" for end in ("parquet", "tsv")]
    write_cohort_table(rows, offers, ["flair", "rna"], *places)


def command_of(job: str, folder: Path, args: argparse.Namespace) -> list[str]:
    """The command line of a job."""
    prepared, genes = folder / f"prepared/{args.pixels}px-none/slices.parquet", folder / "folds/0/genes.parquet"
    shards = [f"--image-shard={folder}/shards/flair", f"--expression-shard={folder}/shards/rna"]
    split = f"--split={folder}/tables/split.parquet"
    if job == "prepare-slices":
        settings = json.dumps({"image_size": args.pixels})
        return ["prepare-slices", shards[0], f"--settings={settings}", f"--output={prepared}"]
    if job == "check-leaks":
        datasets = [f"{folder}/shards/{one}/dataset.json" for one in ("flair", "rna")]
        return ["check-leaks", split, "--dataset", *datasets, f"--output={folder}/tables/leaks.json"]
    if job.startswith("fit-genes"):
        settings = json.dumps({"components": 8 if job.endswith("components") else 0})
        output = genes if job == "fit-genes" else folder / "components/genes.parquet"
        return ["fit-genes", shards[1], split, "--fold=0", f"--settings={settings}", f"--output={output}"]
    if job == "release":
        output = folder / "release"
        shutil.rmtree(output, ignore_errors=True)
        return ["release", f"--weights={folder}/runs/{RUNS['unet'].key}/weights.safetensors", f"--output={output}"]
    if job == "prepare-external":
        write_halves(folder)
        home, others = folder / "external", [one.replace("--", "--external-", 1) for one in shards]
        line = ["prepare-external", "--settings={}", *shards, *others, f"--split={home}/whole.parquet"]
        line += [f"--fitted={genes}", f"--external-cohort={home}/cohort.parquet"]
        line += [f"--output-{one}={home}/{one}.parquet" for one in ("values", "features", "split")]
        return [*line, f"--output-dataset={home}/dataset.json", f"--tsv={home}/split.tsv", f"--metadata={home}/m.json"]
    if job == "evaluate":
        key = RUNS["unet"].key
        files = [f"--predictions={folder}/predictions/{key}.parquet", f"--output={folder}/evaluation/{key}.parquet"]
        return ["evaluate", shards[0], *files]
    run = RUNS[job.rpartition("-")[2]]
    home = folder / "runs" / run.key
    line = [f"--run-json={run.as_json()}", *shards, split, f"--prepared={prepared}", f"--fold-genes={genes}"]
    line.append(f"--weights={home}/weights.safetensors")
    if job.startswith("predict"):
        settings = json.dumps({"permutations": 1})
        return ["predict-fold", *line, f"--settings={settings}", f"--output={folder}/predictions/{run.key}.parquet"]
    schedule = {"steps": args.steps, "batch": 8, "warmup_steps": 1, "validate_every": args.steps}
    model = {"size": "tiny", "image_size": args.pixels, "gene_patch": 512}
    line += [f"--settings={json.dumps({'schedule': schedule})}", f"--model={json.dumps(model)}"]
    line += [f"--curves={home}/curves.jsonl", f"--record={home}/run.json"]
    if run.pretrained:
        line.append(f"--pretrained={folder}/runs/{run.pretrained}/weights.safetensors")
    return ["pretrain" if run.is_pretraining else "finetune", *line]


def watched(command: list[str], log: Path) -> dict[str, Any]:
    """Run a command of mgi; seconds and MiB. Raises SystemExit with the end of its log where it fails."""
    began, anonymous, peak = time.monotonic(), 0, 0
    job = multiprocessing.get_context("fork").Process(target=_do, args=(command, log))
    job.start()
    while job.is_alive():
        held = resident(job.pid or 0)
        anonymous, peak = max(anonymous, held.get("RssAnon", 0)), max(peak, held.get("VmHWM", 0))
        time.sleep(0.02)
    if job.exitcode:
        raise SystemExit(f"{command[0]}: exit code {job.exitcode}\n{log.read_text()[-2000:]}")
    seconds = time.monotonic() - began
    return {"anonymous_mib": anonymous // MIB, "peak_mib": peak // MIB, "seconds": round(seconds, 1)}


def _do(command: list[str], log: Path) -> None:
    with log.open("w") as said:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(said.fileno(), stream.fileno())
        sys.exit(main_of_mgi(command))


def resident(pid: int) -> dict[str, int]:
    """What Linux counts of a process, in KiB; nothing where it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return {}
    named = (line.partition(":") for line in lines if line.endswith("kB"))
    return {name: int(value.split()[0]) for name, _, value in named}


def measured(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """A row a job and size of the cohort."""
    for n_patients in sorted(args.patients):
        folder = args.folder / f"{n_patients}-{args.slices}-{args.pixels}-{args.genes}"
        write_cohort(folder, args, n_patients)
        for job in args.jobs:
            found = watched(command_of(job, folder, args), folder / f"{job}.log")
            yield {"job": job, "patients": n_patients, **found}
        if not args.keep:
            shutil.rmtree(folder)


def main() -> None:
    """Measure, print, write."""
    args, rows = arguments(), list[dict[str, Any]]()
    for name in COMMANDS:
        importlib.import_module(f"mgi.commands.{name}")
    load = os.getloadavg()[0]
    print(f"{args.slices} slices of {args.pixels} px, {args.genes} genes; {machine()}; load before {load:.1f}")
    print(f"{'job':22}{'patients':>9}{'anonymous':>12}{'peak':>10}{'seconds':>9}{'a patient more':>18}")
    for row in measured(args):
        before = next((one for one in rows if one["job"] == row["job"]), None)
        grown = (row["anonymous_mib"] - before["anonymous_mib"]) * MIB if before else 0
        more = f"{grown / (row['patients'] - before['patients']):.1f} KiB" if before else ""
        held = f"{row['anonymous_mib']:>8} MiB{row['peak_mib']:>6} MiB{row['seconds']:>9}"
        print(f"{row['job']:22}{row['patients']:>9}{held}{more:>18}", flush=True)
        rows.append(row)
        args.output.parent.mkdir(parents=True, exist_ok=True)
        shape = {"slices": args.slices, "pixels": args.pixels, "genes": args.genes, "steps": args.steps}
        about = {"machine": machine(), "commit": commit(), **shape}
        args.output.write_text(json.dumps({**about, "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
