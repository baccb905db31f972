"""Who reads which file of the results: a command, and the files that are damaged on their way into it."""

from pathlib import Path
from typing import NamedTuple

from flips import feature_tables
from flips.analyses import CLASSES, EXPLAINED, LABELS, REPORTING, SURVIVAL
from flips.lines import MGI, PREPARED, START, USE, Line
from flips.study import LINES

RUN, PRETRAINED = f"runs/{MGI.key}", f"runs/{START.key}"
PREDICTIONS, SCORES = f"predictions/{MGI.key}.parquet", f"evaluation/{MGI.key}.parquet"
RNA, FLAIR = "shards/rna/dataset.json", "shards/flair/dataset.json"
SLICES, RECORD = "shards/flair/part-1-of-1.parquet", "shards/flair/part-1-of-1.json"
VALUES, FEATURES = "shards/rna/values.parquet", "shards/rna/features.parquet"
SPLIT, COHORT, GENES = "tables/split.parquet", "tables/cohort.parquet", "folds/0/genes.parquet"
INDEXES = {name: f"raw/{name}/batch-1-of-1.json" for name in ("rna", "flair")}
CSV = tuple(f"evaluation/{name}.csv" for name in ("results", "results_no_genes", "tests", "audit", "patients"))
CASES, VECTORS = "raw/labels/cases.json", f"embeddings/{START.key}.parquet"
TUMOURS, PREDICTED = "tables/lesion_features.parquet", "tables/lesion_features_predicted.parquet"
COMPONENTS = "associate/embedding_components.parquet"
LABELLED = {"classes": CLASSES, "survival": SURVIVAL}
FOUND = {run: f"explain/{run.key}" for run in EXPLAINED}
PROBED = ("probe/probes.csv", "probe/survival.csv", "probe/retrieval.csv")
ATTRIBUTED = tuple(f"explain/{name}.csv" for name in ("global", "gene_sets", "deletion", "checks"))
SCANS = ("lesion", "embedding")
SCANNED = tuple(f"associate/{scan}/phenotypes.tsv" for scan in SCANS)


def _with_digests(*files: str) -> tuple[str, ...]:
    return (*files, *(f"{name}.sha256" for name in files))


OF_LABELS: dict[str, tuple[str, ...]] = {
    "labels": (COHORT,),
    "labels gdc": (COHORT, CASES),
    **{f"finetune {run.key}": (LABELS, SPLIT) for run in LABELLED.values()},
    **{f"predict-fold {run.key}": (f"runs/{run.key}/weights.safetensors",) for run in LABELLED.values()},
    **{f"evaluate {run.key}": (f"predictions/{run.key}.parquet", LABELS, SPLIT) for run in LABELLED.values()},
    **{f"compare {run.key}": (f"evaluation/{run.key}.parquet",) for run in LABELLED.values()},
    **{
        f"report {run.key}": (
            *_with_digests(f"{folder}/evaluation/results.csv", f"{folder}/evaluation/patients.csv"),
            f"predictions/{run.key}.parquet",
        )
        for folder, run in LABELLED.items()
    },
    "embed": (f"{PRETRAINED}/weights.safetensors", f"{PRETRAINED}/run.json", GENES, SPLIT, RNA, FLAIR, PREPARED),
    "lesion-features": (FLAIR, SLICES),
    "lesion-features predicted": (PREDICTIONS,),
    "probe": (LABELS, SPLIT, RNA, VALUES, FEATURES, VECTORS, TUMOURS, PREDICTED),
    f"explain {START.key}": (
        f"{PRETRAINED}/weights.safetensors", f"{PRETRAINED}/run.json", f"{PRETRAINED}/curves.jsonl", GENES, SPLIT,
        VALUES, PREPARED,
    ),
    f"explain {MGI.key}": (f"{RUN}/weights.safetensors", f"{RUN}/run.json"),
    f"explain {CLASSES.key}": (f"runs/{CLASSES.key}/weights.safetensors", f"runs/{CLASSES.key}/run.json"),
    "explain-tables": tuple(
        f"{FOUND[run]}/{name}.parquet"
        for run in (START, MGI) for name in ("attributions", "deletion", "attention")
    ),
    "embedding-components": (VECTORS,),
    "associate": (TUMOURS, RNA, VALUES, FEATURES, LABELS),
    "associate embedding": (COMPONENTS,),
}  # fmt: skip
ANALYSED = {
    "probe": (*_with_digests(*PROBED), "probe/out_of_fold.parquet", "probe/maps.parquet"),
    "explain": (*_with_digests(*ATTRIBUTED), "explain/attention.parquet"),
    "associate": (*_with_digests(*SCANNED), *(f"associate/{scan}/associations.parquet" for scan in SCANS)),
}
"""What the report reads of each analysis."""
_FILES = tuple(name for files in ANALYSED.values() for name in files)
READS: dict[str, tuple[str, ...]] = {
    **feature_tables.READS,
    **OF_LABELS,
    "fetch rna": ("locks/rna.json",),
    "cohort": ("locks/rna.json", "locks/flair.json", *INDEXES.values()),
    "split": (COHORT,),
    "shard rna": ("locks/rna.json", INDEXES["rna"], "tables/gene_positions.tsv", "tables/gene_positions.tsv.sha256"),
    "shard flair": ("locks/flair.json", INDEXES["flair"]),
    "describe flair": (SLICES, RECORD, COHORT),
    "check-leaks": (SPLIT, RNA, FLAIR, VALUES, FEATURES, SLICES),
    "fit-genes": (SPLIT, RNA, VALUES, FEATURES),
    "prepare-slices": (SLICES, FLAIR),
    "pretrain": ("tables/leaks.json", SPLIT, GENES, PREPARED),
    f"finetune {MGI.key}": ("tables/leaks.json", f"{PRETRAINED}/weights.safetensors", GENES, PREPARED),
    f"predict-fold {MGI.key}": (f"{RUN}/weights.safetensors", GENES, SPLIT, FLAIR, RNA, PREPARED),
    f"evaluate {MGI.key}": (PREDICTIONS, FLAIR, SLICES),
    "compare": (SCORES, SPLIT),
    "paper-like": (SCORES, SPLIT, FLAIR),
    "report": (
        *CSV, *(f"{name}.sha256" for name in CSV), "evaluation/paper_like.csv", "evaluation/paper_like.csv.sha256",
        COHORT, SPLIT, "locks/rna.json", "locks/flair.json", "config.json", PREDICTIONS, FEATURES, FLAIR,
        f"{RUN}/curves.jsonl", f"{RUN}/run.json", f"{PRETRAINED}/curves.jsonl",
    ),
    **{f"report {name}": files for name, files in ANALYSED.items()},
    "release": (f"{RUN}/run.json", f"{RUN}/weights.safetensors", GENES, SPLIT, SCORES, RNA, FLAIR),
    "predict": (
        "release/config.json", "release/weights.safetensors", "release/genes.parquet", "release/MODEL_CARD.md",
        "release/configs/metadata.json",
    ),
    "export-masks": (PREDICTIONS, FLAIR),
    "prepare-external": ("tables/whole.parquet", "folds/2/genes.parquet", "external/tables/cohort.parquet",
                         "external/shards/rna/dataset.json", "external/shards/flair/part-1-of-1.parquet"),
    "lock-diff": ("locks/rna.json",),
    "verify": (
        "config.json", "locks/rna.json", *INDEXES.values(), COHORT, "tables/cohort.tsv", SPLIT, "tables/split.tsv",
        "tables/split_sites.tsv", "tables/whole.parquet", "tables/leaks.json", "tables/gene_positions.tsv", GENES, RNA,
        VALUES, FEATURES, SLICES, RECORD, PREPARED,
        f"{RUN}/run.json", f"{RUN}/curves.jsonl", f"{RUN}/weights.safetensors",
        PREDICTIONS, SCORES, CSV[0], f"{CSV[0]}.sha256", "evaluation/paper_like.csv", "report.html", "summary.json",
        "figures/audit.svg", "external/locks/flair.json", "external/tables/split.parquet",
        "external/shards/rna/values.parquet", *feature_tables.VERIFIED,
        LABELS, "tables/labels.tsv", CASES, f"runs/{CLASSES.key}/weights.safetensors", VECTORS, TUMOURS, COMPONENTS,
        f"predictions/{CLASSES.key}.parquet", f"evaluation/{SURVIVAL.key}.parquet",
        *(f"{FOUND[START]}/{name}.parquet" for name in ("attributions", "deletion", "attention")), *_FILES,
    ),
}  # fmt: skip


class Consumer(NamedTuple):
    """One command on one file."""

    command: str
    file: str

    def found_in(self, results: Path) -> "Consumer":
        """The same of a file that is there, the first where the name is a pattern."""
        if "*" not in self.file:
            return self
        return self._replace(file=str(sorted(results.glob(self.file))[0].relative_to(results)))

    @property
    def line(self) -> Line:
        """The command line, with placeholders for folders."""
        return (LINES | REPORTING | USE)[self.command]


CONSUMERS = [Consumer(command, file) for command, files in READS.items() for file in files]
