"""Small results of every stage, made by the commands that the workflow calls, one after the other in this process."""

import contextlib
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import nibabel
import numpy as np

from mgi.cli import main
from mgi.cohort.tables import read_split
from mgi.core.files import write_json
from mgi.core.run import Run
from mgi.locks.lock import read_lock
from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.settings import SimulationSettings
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
OF_FEATURES = ("cn", "mutation", "methylation", "mirna", "rppa")
DATASETS = {name: f"@made/shards/{name}/dataset.json" for name in ("rna", "flair", *OF_FEATURES)}
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
    lines["shard rna"] += ["--input", "positions=@made/tables/gene_positions.tsv"]
    return lines


def _of_features(name: str) -> dict[str, Line]:
    """From the archive to what a fold fits, of a modality that is a table of features."""
    source = ["--modality", name, "--settings", '{"retry_base_s": 0.0}', "--archive", "@archive"]
    lock, index = f"@made/locks/{name}.json", f"@made/raw/{name}/batch-1-of-1.json"
    files = [f"@out/shards/{name}/{file}" for file in ("values.parquet", "features.parquet", "dataset.json")]
    beside = ["--beside", "rna=@made/shards/rna/features.parquet"] if name == "cn" else []
    return {
        f"lock {name}": [
            "lock", *source, "--same-sample-as", "@made/locks/rna.json", "--output", f"@out/locks/{name}.json",
        ],
        f"fetch {name}": [
            "fetch", *source, "--lock", lock, "--batch", "1-of-1", "--output", f"@out/raw/{name}/batch-1-of-1.json",
        ],
        f"shard {name}": ["shard", "--modality", name, "--lock", lock, "--index", index, "--output", *files],
        f"fit-features {name}": [
            "fit-features", "--modality", name, "--shard", f"@made/shards/{name}/dataset.json",
            "--split", "@made/tables/split.parquet", "--fold", "0", "--settings", "{}", *beside,
            "--output", f"@out/folds/0/{name}.parquet",
        ],
    }  # fmt: skip


def _training(command: str, run: Run) -> Line:
    unit, folder = ("-slice" if run.leaks else ""), f"@out/runs/{run.key}"
    start = ["--pretrained", f"@made/runs/{run.pretrained}/weights.safetensors"] if run.pretrained else []
    return [
        command, "--run-json", run.as_json(), "--model", json.dumps(MODEL), "--settings",
        json.dumps({"schedule": SCHEDULE}), "--leaks", f"@made/tables/leaks{unit}.json", *_reading(), *start,
        "--weights", f"{folder}/weights.safetensors", "--curves", f"{folder}/curves.jsonl",
        "--record", f"{folder}/run.json",
    ]  # fmt: skip


def _reading() -> Line:
    return [
        "--image-shard", DATASETS["flair"], "--prepared", f"@made/{PREPARED}", "--expression-shard", DATASETS["rna"],
        "--fold-genes", "@made/folds/0/genes.parquet", "--split", "@made/tables/split.parquet",
    ]  # fmt: skip


def _predicting(run: Run) -> Line:
    return [
        "predict-fold", "--run-json", run.as_json(), "--settings", '{"permutations": 1}', *_reading(),
        "--weights", f"@made/runs/{run.key}/weights.safetensors", "--output", f"@out/predictions/{run.key}.parquet",
    ]  # fmt: skip


def _evaluating(run: Run) -> Line:
    return [
        "evaluate", "--predictions", f"@made/predictions/{run.key}.parquet", "--image-shard", DATASETS["flair"],
        "--output", f"@out/evaluation/{run.key}.parquet",
    ]  # fmt: skip


def _scores(*runs: Run) -> Line:
    return [
        "--scores",
        *(f"@made/evaluation/{run.key}.parquet" for run in runs),
        "--split",
        "@made/tables/split.parquet",
    ]


def _table(name: str, folder: str) -> str:
    return f"{folder}/evaluation/{'results_no_genes' if name == 'no_genes' else name}.csv"


def _tables(folder: str) -> Line:
    options = {"results": "--results-table", "no_genes": "--no-genes"}
    return [word for name in TABLES for word in (options.get(name, f"--{name}"), _table(name, folder))]


def _fitting(table: str, fold: int) -> Line:
    return [
        "fit-genes", "--expression-shard", DATASETS["rna"], "--split", f"@made/tables/{table}.parquet",
        "--fold", str(fold), "--settings", "{}", "--output", f"@out/folds/{fold}/genes.parquet",
    ]  # fmt: skip


def _leaks(unit: str, name: str) -> Line:
    given = ["--split", "@made/tables/split.parquet", "--dataset", *DATASETS.values(), "--split-unit", unit]
    return ["check-leaks", *given, "--output", f"@out/tables/{name}.json"]


LINES: dict[str, Line] = {
    **_ingestion(),
    **{name: line for modality in OF_FEATURES for name, line in _of_features(modality).items()},
    "check-leaks": _leaks("patient", "leaks"),
    "check-leaks slice": _leaks("slice", "leaks-slice"),
    "fit-genes": _fitting("split", 0),
    "fit-genes whole": _fitting("whole", 2),
    "prepare-slices": [
        "prepare-slices", "--image-shard", DATASETS["flair"], "--settings",
        json.dumps({"image_size": MODEL["image_size"]}), "--output", f"@out/{PREPARED}",
    ],
    "pretrain": _training("pretrain", START),
    **{f"finetune {run.key}": _training("finetune", run) for run in PREDICTING},
    **{f"predict-fold {run.key}": _predicting(run) for run in PREDICTING},
    **{f"evaluate {run.key}": _evaluating(run) for run in PREDICTING},
    "compare": ["compare", *_scores(MGI, UNET), "--settings", EVALUATION, *_tables("@out")],
    "paper-like": [
        "paper-like", *_scores(*PREDICTING), "--image-shard", DATASETS["flair"], "--settings", EVALUATION,
        "--output", "@out/evaluation/paper_like.csv",
    ],
    "report": [
        "report", "--cohort", "@made/tables/cohort.parquet", "--split", "@made/tables/split.parquet",
        "--locks", "@made/locks/rna.json", "@made/locks/flair.json", *_tables("@made"),
        "--paper-like", "@made/evaluation/paper_like.csv", "--image-shard", DATASETS["flair"],
        "--features", "@made/shards/rna/features.parquet", "--predictions",
        *(f"@made/predictions/{run.key}.parquet" for run in (MGI, UNET)), "--curves",
        *(f"@made/runs/{run.key}/curves.jsonl" for run in (START, MGI, UNET)), "--config", "@made/config.json",
        "--output", "@out/report.html", "--figures", "@out/figures", "--summary", "@out/summary.json",
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
"""Every command in the order of the workflow."""
_ANNOTATION = [
    "gene-positions", "--settings", '{"retry_base_s": 0.0}', "--gtf", GTF, "--archive", "@archive",
    "--folder", "@out/raw/gencode", "--output", "@out/tables/gene_positions.tsv",
]  # fmt: skip
LINES = {"gene-positions": _ANNOTATION, **LINES}
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


def filled(line: Line, archive: Path, made: Path, out: Path) -> Line:
    """A command line with its folders."""
    places = {"@archive": archive, "@made": made, "@out": out, "@nifti": _nifti(made)}
    for name, place in places.items():
        line = [word.replace(name, str(place)) for word in line]
    return line


def _nifti(made: Path) -> Path:
    """An image to segment."""
    return made.parent / "new.nii.gz"


def _write_nifti(path: Path) -> None:
    """A head of noise in the dark."""
    x, y, _ = np.mgrid[:16, :16, :4]
    head = (x - 7.5) ** 2 + (y - 7.5) ** 2 < 36
    voxels = (head * np.random.default_rng(0).normal(300, 60, head.shape)).clip(0).astype(np.int16)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 5.0, 1.0])), path)


def make(folder: Path, seed: int, names: Sequence[str] = tuple(LINES), exclude: Sequence[str] = ()) -> Path:
    """Results of sixteen simulated patients without those whom another cohort has, made by these commands."""
    archive, results = folder / "archive", folder / "results"
    settings = SimulationSettings(
        seed=seed,
        n_patients=16,
        n_genes=750,
        slices_min=4,
        slices_max=4,
        pixels=16,
        genes_drive_images=True,
        omics=OF_FEATURES,
    )
    write_archive(settings, archive)
    _write_nifti(_nifti(results))
    write_json(results / "config.json", {"runs": {"task": "segmentation"}, "evaluation": json.loads(EVALUATION)})
    for name in names:
        line = filled(LINES[name], archive, results, results)
        if name in ("cohort", "shard flair") and exclude:
            known = {item.patient_id for path in (results / "locks").iterdir() for item in read_lock(path).items}
            line += ["--exclude", *sorted(known & set(exclude))]
        code, said = run(line)
        if code != 0:
            raise RuntimeError(f"{name}: exit code {code}: {said[-2000:]}")
    return results


def make_all(folder: Path, *, whole_other: bool) -> tuple[Path, Path]:
    """Finished results with another archive in them, and other results, only ingested where not `whole_other`."""
    results = make(folder / "own", 5)
    trained = sorted(set(read_split(results / "tables/whole.parquet")["patient_id"]))
    elsewhere = make(folder / "elsewhere", 105, OF_INGESTION, trained)
    for part in ("locks", "raw", "tables", "shards"):
        shutil.copytree(elsewhere / part, results / "external" / part)
    return results, make(folder / "other", 7) if whole_other else elsewhere


def run(line: Line) -> tuple[int | None, str]:
    """The exit code of a command and what it wrote to stderr; None and the exception where it ended in one."""
    said = io.StringIO()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(said):
        try:
            return main(line), said.getvalue()
        except SystemExit as error:
            return int(error.code or 0), said.getvalue()
        except Exception as error:  # noqa: BLE001 - a stack trace is what is looked for
            return None, f"{type(error).__name__}: {error}"
