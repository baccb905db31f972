"""A cohort of sixteen simulated patients and the commands that ingest it, for tests of what interrupts them."""

from pathlib import Path

from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.genes import draw_gene_table
from mgi_standin.simulation.settings import SimulationSettings

EXPRESSION = '{"retry_base_s": 0.0}'
IMAGES = '{"source": "tcia", "min_images": 4, "retry_base_s": 0.0}'
SIMULATION = SimulationSettings(
    seed=5, n_patients=16, n_genes=750, slices_min=4, slices_max=4, pixels=16, genes_drive_images=True
)


def write_small_archive(folder: Path) -> Path:
    """The archive folder from which the commands fetch."""
    write_archive(SIMULATION, draw_gene_table(SIMULATION.n_genes, SIMULATION.seed), folder)
    return folder


def commands(archive: Path, made: Path) -> dict[str, list[str]]:
    """The ingestion of a cohort, command by command, in the order in which they need each other."""
    expression = ["--settings", EXPRESSION, "--archive", str(archive)]
    images = ["--settings", IMAGES, "--archive", str(archive)]
    locks = {"expression": f"{made}/locks/expression.json", "images": f"{made}/locks/images.json"}
    follow = {kind: ["--lock", path, "--batch", "1-of-1"] for kind, path in locks.items()}
    indexes = {kind: f"{made}/raw/{kind}/batch-1-of-1.json" for kind in locks}
    cohort = f"{made}/tables/cohort.parquet"
    return {
        "lock-expression": [*expression, "--output", locks["expression"]],
        "lock-images": [*images, "--output", locks["images"]],
        "fetch-expression": [*expression, *follow["expression"], "--output", indexes["expression"]],
        "fetch-images": [*images, *follow["images"], "--output", indexes["images"]],
        "cohort": [
            "--expression-lock", locks["expression"], "--image-lock", locks["images"],
            "--expression-index", indexes["expression"], "--image-index", indexes["images"],
            "--output", cohort, "--tsv", f"{made}/tables/cohort.tsv",
        ],
        "split": [
            "--cohort", cohort, "--settings", '{"folds": 2}',
            "--output", f"{made}/tables/split.parquet", "--tsv", f"{made}/tables/split.tsv",
            "--sites", f"{made}/tables/split_sites.tsv", "--whole", f"{made}/tables/whole.parquet",
        ],
        "shard-expression": [
            "--lock", locks["expression"], "--index", indexes["expression"],
            "--values", f"{made}/shards/e/values.parquet", "--genes", f"{made}/shards/e/genes.parquet",
            "--dataset", f"{made}/shards/e/dataset.json",
        ],
        "shard-images": [
            "--lock", locks["images"], "--index", indexes["images"], "--cohort", cohort,
            "--slices", f"{made}/shards/i/slices.parquet", "--dataset", f"{made}/shards/i/dataset.json",
        ],
    }  # fmt: skip
