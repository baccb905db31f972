"""Modalities that are tables of features: the commands from the archive to what a fold fits, and who reads what."""

NAMES = ("cn", "mutation", "methylation", "mirna", "rppa")
_ENDINGS = {"cn": "tsv", "mutation": "maf.gz", "methylation": "txt", "mirna": "txt", "rppa": "tsv"}
_FILES = ("values.parquet", "features.parquet", "dataset.json")


def _lines_of(name: str) -> dict[str, list[str]]:
    source = ["--modality", name, "--settings", '{"retry_base_s": 0.0}', "--archive", "@archive"]
    lock, index = f"@made/locks/{name}.json", f"@made/raw/{name}/batch-1-of-1.json"
    beside = ["--beside", "rna=@made/shards/rna/features.parquet"] if name == "cn" else []
    return {
        f"lock {name}": [
            "lock", *source, "--same-sample-as", "@made/locks/rna.json", "--output", f"@out/locks/{name}.json",
        ],
        f"fetch {name}": [
            "fetch", *source, "--lock", lock, "--batch", "1-of-1", "--output", f"@out/raw/{name}/batch-1-of-1.json",
        ],
        f"shard {name}": [
            "shard", "--modality", name, "--lock", lock, "--index", index,
            "--output", *(f"@out/shards/{name}/{file}" for file in _FILES),
        ],
        f"fit-features {name}": [
            "fit-features", "--modality", name, "--shard", f"@made/shards/{name}/dataset.json",
            "--split", "@made/tables/split.parquet", "--fold", "0", "--settings", "{}", *beside,
            "--output", f"@out/folds/0/{name}.parquet",
        ],
    }  # fmt: skip


def _reads_of(name: str) -> dict[str, tuple[str, ...]]:
    lock, index, raw = f"locks/{name}.json", f"raw/{name}/batch-1-of-1.json", f"raw/{name}/files/*.{_ENDINGS[name]}"
    shard = tuple(f"shards/{name}/{file}" for file in _FILES)
    return {
        f"fetch {name}": (lock,),
        f"shard {name}": (lock, index, raw),
        f"fit-features {name}": ("tables/split.parquet", *shard),
    }


LINES = {command: line for name in NAMES for command, line in _lines_of(name).items()}
"""After the ingestion of the others, which they follow."""
READS = {command: files for name in NAMES for command, files in _reads_of(name).items()}
"""A pattern stands for the first file that it matches."""
VERIFIED = (
    "locks/methylation.json", "raw/methylation/batch-1-of-1.json", "raw/methylation/files/*.txt",
    "shards/methylation/values.parquet", "shards/methylation/dataset.json", "folds/0/methylation.parquet",
)  # fmt: skip
