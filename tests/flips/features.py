"""Command lines of the modalities that are tables of features, from the archive to what a fold fits."""

Line = list[str]
OF_FEATURES = ("cn", "mutation", "methylation", "mirna", "rppa")


def _of_features(name: str) -> dict[str, Line]:
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


FEATURE_LINES: dict[str, Line] = {
    name: line for modality in OF_FEATURES for name, line in _of_features(modality).items()
}
