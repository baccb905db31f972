"""Command lines of what reads labels: labels themselves, classes and survival, probes, attributions and scans."""

import csv
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flips.lines import (
    DATASETS,
    EVALUATION,
    MGI,
    START,
    UNET,
    Line,
    evaluating,
    predicting,
    reading,
    reporting,
    scores,
    tables,
    training,
)
from mgi.core.run import Run

_OF_LABELS: dict[str, Any] = {"method": "mgi", "inputs": ("flair", "rna"), "fold": 0, "seed": 0}
CLASSES = Run(task="classification", target="idh", pretrained=START.key, **_OF_LABELS)
SURVIVAL = Run(task="survival", pretrained=START.key, **_OF_LABELS)
LABELS = "tables/labels.parquet"
OF_TABLE = (
    '{"source": "table", "table": "labels.csv", "columns": {"classes": {"idh": "IDH", "grade": "Grade"}, '
    '"time_days": "days", "event": "dead", "age": "age", "sex": "sex"}, "read_off": {"idh": ["rna"]}}'
)
OF_GDC = '{"source": "gdc", "retry_base_s": 0.0}'
CONFIGS: Mapping[str, Mapping[str, Any]] = {
    "classes": {"runs": {"task": "classification", "target": "idh"}},
    "survival": {"runs": {"task": "survival"}},
}
"""What the reports of tasks of labels are told, by their folder."""
EXPLAINED = (START, MGI, CLASSES)
DRAWN_BY = 49  # so in both cohorts of the study
_PROBE = '{"bootstrap_draws": 100, "labelled": [2], "draws": 1, "components": 2, "smallest_class": 2}'
_EXPLAIN = '{"patients": 2, "steps": 2, "noise_samples": 0, "permuted_pairs": 0, "attention_patients": 1}'


def write_own_labels(archive: Path) -> None:
    """A table of the archive's patients, beside it, with both classes and events among those who train and validate."""
    with (archive / "labels.tsv").open(newline="") as source:
        cases = [row["case"] for row in csv.DictReader(source, delimiter="\t")]
    rng = random.Random(DRAWN_BY)
    idh, dead, grade = ([rng.random() < share for _ in cases] for share in (0.5, 0.65, 0.5))
    with (archive.parent / "labels.csv").open("w", newline="") as target:
        table = csv.writer(target)
        table.writerow(["case", "IDH", "Grade", "days", "dead", "age", "sex"])
        for row, case in enumerate(cases):
            sex = "female" if row % 3 else "male"
            table.writerow([case, "AB"[idh[row]], "23"[grade[row]], 100 + 7 * row, dead[row], 30 + row, sex])


def _with_labels(line: Line) -> Line:
    return [*line, "--labels", f"@made/{LABELS}"]


def _evaluating(run: Run) -> Line:
    return [*_with_labels(evaluating(run)), "--split", "@made/tables/split.parquet"]


def _features(name: str, *predictions: str) -> Line:
    out = [
        f"--{option}=@out/tables/lesion_{name}.{ending}" for option, ending in (("output", "parquet"), ("tsv", "tsv"))
    ]
    return ["lesion-features", "--image-shard", DATASETS["flair"], *predictions, *out]


def _explaining(run: Run) -> Line:
    folder = f"@made/runs/{run.key}"
    return [
        "explain", "--run-json", run.as_json(), "--settings", _EXPLAIN, *reading(),
        "--weights", f"{folder}/weights.safetensors", "--curves", f"{folder}/curves.jsonl",
        "--output", f"@out/explain/{run.key}/attributions.parquet",
    ]  # fmt: skip


ASKED = ("probe", "explain", "associate")
_LABELLED = (CLASSES, SURVIVAL)
ANALYSES: dict[str, Line] = {
    "labels": [
        "labels", "--cohort", "@made/tables/cohort.parquet", "--settings", OF_TABLE, "--table", "@labels",
        "--output", f"@out/{LABELS}", "--tsv", "@out/tables/labels.tsv",
    ],
    "fetch-labels": [
        "fetch-labels", "--settings", OF_GDC, "--archive", "@archive", "--output", "@out/raw/labels/cases.json",
    ],
    "labels gdc": [
        "labels", "--cohort", "@made/tables/cohort.parquet", "--settings", OF_GDC,
        "--cases", "@made/raw/labels/cases.json",
        "--output", "@out/tables/labels_gdc.parquet", "--tsv", "@out/tables/labels_gdc.tsv",
    ],
    **{f"finetune {run.key}": [*_with_labels(training("finetune", run)), "--task-settings", "{}"] for run in _LABELLED},
    **{f"predict-fold {run.key}": predicting(run) for run in _LABELLED},
    **{f"evaluate {run.key}": _evaluating(run) for run in _LABELLED},
    **{
        f"compare {run.key}": ["compare", *scores(run), "--settings", EVALUATION, *tables(f"@out/{folder}")]
        for folder, run in zip(CONFIGS, _LABELLED, strict=True)
    },
    **{
        f"report {run.key}": reporting(f"/{folder}", (START, run))
        for folder, run in zip(CONFIGS, _LABELLED, strict=True)
    },
    "embed": [
        "embed", "--run-json", START.as_json(), "--settings", "{}", *reading(),
        "--weights", f"@made/runs/{START.key}/weights.safetensors", "--output", f"@out/embeddings/{START.key}.parquet",
    ],
    "lesion-features": _features("features"),
    "lesion-features predicted": _features(
        "features_predicted", "--predictions", f"@made/predictions/{MGI.key}.parquet"
    ),
    "probe": [
        *_with_labels(["probe", "--split", "@made/tables/split.parquet", "--expression-shard", DATASETS["rna"]]),
        "--embeddings", f"@made/embeddings/{START.key}.parquet", "--settings", _PROBE,
        "--lesion-features", "@made/tables/lesion_features.parquet",
        "--lesion-features-predicted", "@made/tables/lesion_features_predicted.parquet", "--output", "@out/probe",
    ],
    **{f"explain {run.key}": _explaining(run) for run in EXPLAINED},
    "explain-tables": [
        "explain-tables", "--settings", _EXPLAIN, "--attributions",
        *(f"@made/explain/{run.key}/attributions.parquet" for run in EXPLAINED), "--output", "@out/explain",
    ],
    "embedding-components": [
        "embedding-components", "--embeddings", f"@made/embeddings/{START.key}.parquet",
        "--settings", '{"components": 2}', "--output", "@out/associate/embedding_components.parquet",
    ],
    "associate": [
        "associate", "--phenotypes", "@made/tables/lesion_features.parquet", "--features", DATASETS["rna"],
        "--phenotype-columns", "log_volume", "--covariates", f"@made/{LABELS}", "--covariate-columns", "age_years",
        "--permutations", "20", "--output", "@out/associate/lesion",
    ],
    "associate embedding": [
        "associate", "--phenotypes", "@made/associate/embedding_components.parquet", "--features", DATASETS["rna"],
        "--phenotype-columns", "component_1", "--permutations", "20", "--output", "@out/associate/embedding",
    ],
    "report": reporting("", (START, MGI, UNET), "--paper-like", "@made/evaluation/paper_like.csv"),
}  # fmt: skip
"""These commands in the order of the workflow, and the report."""
REPORTING: dict[str, Line] = {
    f"report {name}": reporting("", (START, MGI, UNET), f"--{name}", f"@made/{name}") for name in ASKED
}
"""The report with one analysis alone, for damage to the files of that one."""
