"""Command lines of every stage as the workflow calls them, with placeholders for folders."""

import json
from collections.abc import Sequence
from pathlib import Path

from flips import feature_tables
from mgi.core.run import Run
from small_ingestion import commands as ingestion

MODEL = {
    "image_size": 16, "patch_size": 8, "image_width": 16, "image_depth": 1, "image_heads": 2, "gene_patch": 50,
    "gene_width": 16, "gene_depth": 1, "gene_state": 4, "projection_width": 8, "decoder_width": 16,
    "decoder_heads": 2, "decoder_depth": 1, "upsampling_stages": 1, "baseline_width": 4,
}  # fmt: skip
SCHEDULE = {"steps": 2, "batch": 3, "warmup_steps": 1, "validate_every": 2, "checkpoint_every": 2}
EVALUATION = '{"bootstrap_draws": 50}'
GTF = '{"file_id": "be002a2c-3b27-43f3-9e0f-fd47db92a6b5", "md5": "c03931958d4572148650d62eb6dec41a"}'
START = Run(task="pretraining", method="mgi", inputs=("flair", "rna"), fold=0, seed=0)
MGI = Run(task="segmentation", method="mgi", inputs=("flair", "rna"), pretrained=START.key, fold=0, seed=0)
UNET = Run(task="segmentation", method="unet", inputs=("flair",), fold=0, seed=0)
SLICE = Run(task="segmentation", method="unet", inputs=("flair",), split_unit="slice", fold=0, seed=0)
PREDICTING = (MGI, UNET, SLICE)
TABLES = ("results", "no_genes", "tests", "audit", "patients")
PREPARED = f"prepared/{MODEL['image_size']}px-none/slices.parquet"
DATASETS = {name: f"@made/shards/{name}/dataset.json" for name in ("rna", "flair", *feature_tables.NAMES)}
_OUTPUTS = ("--output", "--tsv", "--sites", "--whole", "--weights", "--curves", "--record", "--folder")

Line = list[str]


def _ingestion() -> dict[str, Line]:
    """The commands of the ingestion; what they write goes to `@out`, whatever they read lies in `@made`."""
    lines = {}
    for name, given in ingestion(Path("@archive"), Path("@made")).items():
        option, line = "", []
        for word in given:
            option = word if word.startswith("--") else option
            line.append(word.replace("@made", "@out") if option in _OUTPUTS else word)
        lines[name] = line
    split = lines["split"]
    split[split.index("--settings") + 1] = '{"folds": 2, "validation_fraction": 0.4}'
    lines["shard rna"] += ["--input", "positions=@made/tables/gene_positions.tsv"]
    return lines


def training(command: str, run: Run) -> Line:
    """The training of a run."""
    unit, folder = ("-slice" if run.leaks else ""), f"@out/runs/{run.key}"
    start = ["--pretrained", f"@made/runs/{run.pretrained}/weights.safetensors"] if run.pretrained else []
    return [
        command, "--run-json", run.as_json(), "--model", json.dumps(MODEL), "--settings",
        json.dumps({"schedule": SCHEDULE}), "--leaks", f"@made/tables/leaks{unit}.json", *reading(), *start,
        "--weights", f"{folder}/weights.safetensors", "--curves", f"{folder}/curves.jsonl",
        "--record", f"{folder}/run.json",
    ]  # fmt: skip


def reading() -> Line:
    """What a run reads of a fold."""
    return [
        "--image-shard", DATASETS["flair"], "--prepared", f"@made/{PREPARED}", "--expression-shard", DATASETS["rna"],
        "--fold-genes", "@made/folds/0/genes.parquet", "--split", "@made/tables/split.parquet",
    ]  # fmt: skip


def predicting(run: Run) -> Line:
    """The predictions of a run."""
    return [
        "predict-fold", "--run-json", run.as_json(), "--settings", '{"permutations": 1}', *reading(),
        "--weights", f"@made/runs/{run.key}/weights.safetensors", "--output", f"@out/predictions/{run.key}.parquet",
    ]  # fmt: skip


def evaluating(run: Run) -> Line:
    """The scores of a run's predictions."""
    return [
        "evaluate", "--predictions", f"@made/predictions/{run.key}.parquet", "--image-shard", DATASETS["flair"],
        "--output", f"@out/evaluation/{run.key}.parquet",
    ]  # fmt: skip


def scores(*runs: Run) -> Line:
    """The scores of runs, and the split."""
    return [
        "--scores",
        *(f"@made/evaluation/{run.key}.parquet" for run in runs),
        "--split",
        "@made/tables/split.parquet",
    ]


def _table(name: str, folder: str) -> str:
    return f"{folder}/evaluation/{'results_no_genes' if name == 'no_genes' else name}.csv"


def tables(folder: str) -> Line:
    """The tables of compare, below a folder."""
    options = {"results": "--results-table", "no_genes": "--no-genes"}
    return [word for name in TABLES for word in (options.get(name, f"--{name}"), _table(name, folder))]


def reporting(folder: str, runs: Sequence[Run], *more: str) -> Line:
    """The report on the tables below a folder, with the config there."""
    keys = [run.key for run in runs if not run.is_pretraining]
    made, out = (f"@{place}{folder}" for place in ("made", "out"))
    return [
        "report", "--cohort", "@made/tables/cohort.parquet", "--split", "@made/tables/split.parquet",
        "--locks", "@made/locks/rna.json", "@made/locks/flair.json", *tables(made),
        "--image-shard", DATASETS["flair"], "--features", "@made/shards/rna/features.parquet",
        "--predictions", *(f"@made/predictions/{key}.parquet" for key in keys),
        "--curves", *(f"@made/runs/{run.key}/curves.jsonl" for run in runs), "--config", f"{made}/config.json",
        "--output", f"{out}/report.html", "--figures", f"{out}/figures", "--summary", f"{out}/summary.json", *more,
    ]  # fmt: skip


def _fitting(table: str, fold: int) -> Line:
    return [
        "fit-genes", "--expression-shard", DATASETS["rna"], "--split", f"@made/tables/{table}.parquet",
        "--fold", str(fold), "--settings", "{}", "--output", f"@out/folds/{fold}/genes.parquet",
    ]  # fmt: skip


def _leaks(unit: str, name: str) -> Line:
    given = ["--split", "@made/tables/split.parquet", "--dataset", *DATASETS.values(), "--split-unit", unit]
    return ["check-leaks", *given, "--output", f"@out/tables/{name}.json"]


STAGES: dict[str, Line] = {
    **_ingestion(),
    **feature_tables.LINES,
    "check-leaks": _leaks("patient", "leaks"),
    "check-leaks slice": _leaks("slice", "leaks-slice"),
    "fit-genes": _fitting("split", 0),
    "fit-genes whole": _fitting("whole", 2),
    "prepare-slices": [
        "prepare-slices", "--image-shard", DATASETS["flair"], "--settings",
        json.dumps({"image_size": MODEL["image_size"]}), "--output", f"@out/{PREPARED}",
    ],
    "pretrain": training("pretrain", START),
    **{f"finetune {run.key}": training("finetune", run) for run in PREDICTING},
    **{f"predict-fold {run.key}": predicting(run) for run in PREDICTING},
    **{f"evaluate {run.key}": evaluating(run) for run in PREDICTING},
    "compare": ["compare", *scores(MGI, UNET), "--settings", EVALUATION, *tables("@out")],
    "paper-like": [
        "paper-like", *scores(*PREDICTING), "--image-shard", DATASETS["flair"], "--settings", EVALUATION,
        "--output", "@out/evaluation/paper_like.csv",
    ],
    "release": [
        "release", "--weights", f"@made/runs/{MGI.key}/weights.safetensors", "--results", "@made",
        "--output", "@out/release",
    ],
    "export-masks": [
        "export-masks", "--image-shard", DATASETS["flair"], "--predictions", f"@made/predictions/{MGI.key}.parquet",
        "--output", "@out/nifti",
    ],
}  # fmt: skip
"""Every command but the report, in the order of the workflow."""
_ANNOTATION = [
    "gene-positions", "--settings", '{"retry_base_s": 0.0}', "--gtf", GTF, "--archive", "@archive",
    "--folder", "@out/raw/gencode", "--output", "@out/tables/gene_positions.tsv",
]  # fmt: skip
STAGES = {"gene-positions": _ANNOTATION, **STAGES}
OF_INGESTION = ("gene-positions", *_ingestion())
USE: dict[str, Line] = {
    "predict": ["predict", "@nifti", "--model", "@made/release", "--output", "@out/mask.nii.gz", "--force"],
    "prepare-external": [
        "prepare-external", "--settings", '{"max_missing": 0.5}', "--image-shard", DATASETS["flair"],
        "--expression-shard", DATASETS["rna"], "--split", "@made/tables/whole.parquet",
        "--fitted", "@made/folds/2/genes.parquet", "--external-cohort", "@made/external/tables/cohort.parquet",
        "--external-image-shard", "@made/external/shards/flair/dataset.json",
        "--external-expression-shard", "@made/external/shards/rna/dataset.json",
        "--output-values", "@out/external/aligned/values.parquet",
        "--output-features", "@out/external/aligned/features.parquet",
        "--output-dataset", "@out/external/aligned/dataset.json",
        "--output-split", "@out/external/aligned/split.parquet", "--tsv", "@out/external/aligned/split.tsv",
        "--metadata", "@out/external/aligned/metadata.json",
    ],
    "lock-diff": ["lock-diff", "@made/locks/rna.json", "@made/external/locks/rna.json"],
    "verify": ["verify", "--results", "@made", "--threads", "2"],
}  # fmt: skip
"""What reads finished results."""
