"""A cohort of sixteen simulated patients and the commands that ingest it, for tests of what interrupts them."""

from pathlib import Path

from mgi_standin.simulation.archive import write_archive
from mgi_standin.simulation.settings import SimulationSettings

RNA = '{"retry_base_s": 0.0}'
FLAIR = '{"source": "tcia", "min_images": 4, "retry_base_s": 0.0}'
SIMULATION = SimulationSettings(
    seed=5, n_patients=16, n_genes=750, slices_min=4, slices_max=4, pixels=16, genes_drive_images=True
)


def write_small_archive(folder: Path) -> Path:
    """The archive folder from which the commands fetch."""
    write_archive(SIMULATION, folder)
    return folder


def commands(archive: Path, made: Path) -> dict[str, list[str]]:
    """The ingestion of a cohort, command line by command line, in the order in which they need each other."""
    settings = {"rna": RNA, "flair": FLAIR}
    locks = {name: f"{made}/locks/{name}.json" for name in settings}
    indexes = {name: f"{made}/raw/{name}/batch-1-of-1.json" for name in settings}
    source = {
        name: ["--modality", name, "--settings", given, "--archive", str(archive)] for name, given in settings.items()
    }
    follow = {name: [*source[name], "--lock", locks[name], "--batch", "1-of-1"] for name in settings}
    cohort = f"{made}/tables/cohort.parquet"
    shards = {
        "rna": [f"{made}/shards/rna/{name}" for name in ("values.parquet", "features.parquet", "dataset.json")],
        "flair": [f"{made}/shards/flair/part-1-of-1.{ending}" for ending in ("parquet", "json")],
    }
    return {
        **{f"lock {name}": ["lock", *source[name], "--output", locks[name]] for name in settings},
        **{f"fetch {name}": ["fetch", *follow[name], "--output", indexes[name]] for name in settings},
        "cohort": [
            "cohort", "--lock", *locks.values(), "--index", *indexes.values(),
            "--output", cohort, "--tsv", f"{made}/tables/cohort.tsv",
        ],
        "split": [
            "split", "--cohort", cohort, "--settings", '{"folds": 2}',
            "--output", f"{made}/tables/split.parquet", "--tsv", f"{made}/tables/split.tsv",
            "--sites", f"{made}/tables/split_sites.tsv", "--whole", f"{made}/tables/whole.parquet",
        ],
        "shard rna": [
            "shard", "--modality", "rna", "--settings", '{"unit": "tpm"}',
            "--lock", locks["rna"], "--index", indexes["rna"], "--output", *shards["rna"],
        ],
        "shard flair": [
            "shard", "--modality", "flair", "--lock", locks["flair"], "--index", indexes["flair"],
            "--part", "1-of-1", "--output", *shards["flair"],
        ],
        "describe flair": [
            "describe-volumes", "--modality", "flair", "--parts", "1", "--cohort", cohort,
            "--output", f"{made}/shards/flair/dataset.json",
        ],
    }  # fmt: skip
