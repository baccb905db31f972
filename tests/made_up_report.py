"""A results folder made up here: discs for lesions, and methods that miss them by known amounts."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa

from mgi.cli import main
from mgi.cohort.split import SplitRow
from mgi.cohort.tables import write_split
from mgi.core.files import sha256_of, write_json
from mgi.core.run import Run
from mgi.locks.lock import Lock
from mgi.shards.dataset_manifest import write_dataset
from mgi.shards.image_shard import PatientImages, image_shard_writer
from resealed import write_sealed
from small_locks import cohort_row, profile, series, write_cohort_table, write_lock

SIDE, SLICES, PATIENTS, FOLDS = 64, 10, 20, 2
SITES = ("CS", "DU", "FG", "HT")
NAMES = sorted(f"TCGA-{SITES[i % 4]}-{4900 + i}" for i in range(PATIENTS))
SHIFTS = {
    ("mgi", None): {"own": 1.5, "permuted-0": 4.5, "permuted-1": 4.0, "cohort_mean": 3.0, "null_token": 3.2},
    ("mgi", "no-genes"): {"not_used": 3.0},
    ("unet", None): {"not_used": 3.4},
    ("resunet", None): {"not_used": 3.2},
    ("attention_unet", None): {"not_used": 2.8},
    ("deeplabv3plus", None): {"not_used": 2.4},
}
"""Mean displacement of a predicted disc in pixels, by method, control and expression input."""
CONFIG = {"title": "demo", "evaluation": {"bootstrap_draws": 1000, "seed": 0, "headline": "volume"}}


def disc(centre: np.ndarray, radius: float) -> np.ndarray:
    """Discs that shrink to nothing away from the middle slice, shape (slices, rows, cols)."""
    z, y, x = np.mgrid[:SLICES, :SIDE, :SIDE]
    radii = radius * np.sqrt(np.clip(1 - ((z - SLICES / 2) / 3.5) ** 2, 0, 1))
    return (y - centre[0]) ** 2 + (x - centre[1]) ** 2 < radii**2


def truth_of(patient: str) -> tuple[np.ndarray, float, np.ndarray]:
    rng = np.random.default_rng(NAMES.index(patient))
    centre, radius = rng.uniform(25, 39, 2), rng.uniform(5, 11)
    return centre, radius, disc(centre, radius)


def write_shard(folder: Path) -> None:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE]
    brain = ((y - 32) / 28) ** 2 + ((x - 32) / 23) ** 2 < 1
    with image_shard_writer(folder / "slices.parquet") as writer:
        for patient in NAMES:
            truth = truth_of(patient)[2]
            signal = 300 + 50 * np.cos(x / 6) + 250 * truth + rng.normal(0, 25, truth.shape)
            writer.add(
                PatientImages(
                    patient_id=patient, slices=(brain * signal).clip(0).astype(np.uint16),
                    masks=truth.astype(np.uint8), spacing_mm=None, positions_mm=None, source="0" * 64,
                )
            )  # fmt: skip
    write_dataset(folder / "dataset.json", "volumes", [folder / "slices.parquet"], {"simulated": True})


def write_run(
    folder: Path, method: str, control: str | None, fold: int, predictor: np.random.Generator
) -> tuple[Path, Path]:
    """Predictions and a training log of one run; every tenth patient is missed but for a speck."""
    inputs = ("flair", "rna") if (method, control) == ("mgi", None) else ("flair",)
    run = Run(task="segmentation", method=method, control=control, inputs=inputs, fold=fold, seed=0)
    key = run.key
    rows = []
    for patient in NAMES[fold::FOLDS]:
        centre, radius, _ = truth_of(patient)
        for given, shift in SHIFTS[method, control].items():
            angle = predictor.uniform(0, 2 * np.pi)
            moved = centre + predictor.gamma(4, shift / 4) * np.array([np.sin(angle), np.cos(angle)])
            failed = NAMES.index(patient) % 10 == 7
            probability = np.where(disc(moved, 1.5 if failed else radius * predictor.uniform(0.85, 1.1)), 230, 10)
            rows += [
                {"patient_id": patient, "slice": index, "expression_input": given, "donor": None, "rows": SIDE,
                 "cols": SIDE,
                 "probability": plane.astype(np.uint8).tobytes()}
                for index, plane in enumerate(probability)
            ]  # fmt: skip
    table = pa.Table.from_pylist(rows).replace_schema_metadata({"run": run.as_json()})
    write_sealed(table, folder / f"{key}.parquet")
    return folder / f"{key}.parquet", write_curve(folder / "runs" / key / "curves.jsonl", predictor, run)


def write_curve(path: Path, rng: np.random.Generator, run: Run) -> Path:
    path.parent.mkdir(parents=True)
    lines = []
    for epoch in range(12):
        fit = 1 - np.exp(-epoch / 4) + rng.normal(0, 0.01)
        lines += [{"epoch": epoch, "step": 2 * epoch + s, "split": "train", "loss": 1 - 0.8 * fit} for s in (0, 1)]
        lines.append(
            {"epoch": epoch, "step": 2 * epoch + 1, "split": "validation", "loss": 1 - fit, "dice": 0.75 * fit}
        )
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    write_json(path.with_name("run.json"), {"run": run.record(), "files": {path.name: sha256_of(path)}})
    return path


def write_tables(folder: Path, *, simulated: bool) -> None:
    reasons = ["no expression"] * 3 + ["no mask"] * 2 + ["image rejected: 2 slices", "image rejected: no geometry"]
    dropped = [f"TCGA-EZ-{7000 + i}" for i in range(len(reasons))]
    cohort = [cohort_row(name) for name in NAMES]
    cohort += [cohort_row(name, reason=reason) for name, reason in zip(dropped, reasons, strict=True)]
    write_cohort_table(cohort, folder / "cohort.parquet")
    roles = [
        SplitRow(fold, name, name[5:7], "test" if i % FOLDS == fold else "validation" if i % 5 == 4 else "train")
        for fold in range(FOLDS)
        for i, name in enumerate(NAMES)
    ]
    write_split(roles, folder / "split.parquet", folder / "split.tsv")
    for kind, source, names in (("rna", "gdc", NAMES + dropped[3:]), ("flair", "tcia", NAMES + dropped)):
        items = [(profile if kind == "rna" else series)(name) for name in names]
        about = {"release": "Data Release 45.0"} if kind == "rna" else {"collection": "TCGA-LGG"}
        lock = Lock(modality=kind, source=source, simulated=simulated, items=tuple(items), **about)
        write_lock(folder / f"{kind}.json", lock)
    write_json(folder / "config.json", CONFIG)
    write_sealed(pa.table({"gene_index": range(500)}), folder / "features.parquet")
    (folder / "benchmarks").mkdir()
    for name, seconds, memory in (("finetune-a", 61, "812.4"), ("finetune-b", 72, "799"), ("cohort", 1.4, "NA")):
        text = f"s\th:m:s\tmax_rss\tmax_vms\n{seconds}\t0:00:01\t{memory}\t-\n"
        (folder / "benchmarks" / f"{name}.tsv").write_text(text)


def build(folder: Path, *, simulated: bool) -> Path:
    """Write a results folder and run evaluate, compare and report over it; return the folder."""
    folder.mkdir(exist_ok=True)
    write_tables(folder, simulated=simulated)
    write_shard(folder)
    rng = np.random.default_rng(5)
    runs = [write_run(folder, *trained, fold, rng) for trained in SHIFTS for fold in range(FOLDS)]
    curves = [curve for _, curve in runs]
    start = Run(task="pretraining", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)
    curves.append(write_curve(folder / "runs" / start.key / "curves.jsonl", rng, start))
    scores = []
    for predictions, _ in runs:
        scores.append(folder / f"scores-{predictions.name}")
        assert (
            main(["evaluate", f"--predictions={predictions}", f"--image-shard={folder}", f"--output={scores[-1]}"]) == 0
        )
    tables = [f"--{name}={folder / name}.csv" for name in ("results-table", "no-genes", "tests", "audit", "patients")]
    settings = json.dumps(CONFIG["evaluation"])
    split = ["--split", str(folder / "split.parquet")]
    assert main(["compare", "--scores", *map(str, scores), *split, "--settings", settings, *tables]) == 0
    files = {"cohort": "cohort.parquet", "split": "split.parquet", "image-shard": ".", "config": "config.json",
             "features": "features.parquet", "benchmarks": "benchmarks", "output": "report.html",
             "figures": "figures", "summary": "summary.json"}  # fmt: skip
    given = [f"--{name}={folder / file}" for name, file in files.items()]
    given += ["--locks", str(folder / "rna.json"), str(folder / "flair.json")]
    predictions = ["--predictions", *(str(path) for path, _ in runs)]
    assert (
        main(["report", *given, *tables, *predictions, "--curves", *map(str, curves), "--title=A made-up cohort"]) == 0
    )
    return folder
