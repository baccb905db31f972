"""Which rule of the workflow makes a file of the results again: what an error says that the user should do."""

from pathlib import Path, PurePath

from mgi.core.parts import PART_PATTERN

EXTERNAL = "external"
# The first pattern that a path matches counts.
RULES = (
    ("aligned/*", "prepare_external"),
    ("cohort.*", "cohort"),
    ("tables/labels.*", "labels"),
    ("tables/lesion_features*", "lesion_features"),
    ("split*", "split"),
    ("whole.parquet", "split"),
    ("leaks*.json", "check_leaks"),
    ("gene_positions.tsv*", "gene_positions"),
    ("gencode/*", "gene_positions"),
    ("shards/*/part-*", "shard_volumes"),
    ("shards/*/slices.parquet", "shard_volumes"),
    ("shards/*/tiles.parquet", "shard_bags"),
    ("shards/*/slides.p*", "describe_bags"),
    ("shards/*/*", "shard"),
    ("dataset.json", "shard"),
    ("prepared/*/*", "prepare_slices"),
    ("prepared/*/*/*", "prepare_slices"),
    ("genes.parquet", "fit_genes"),
    ("folds/*/*.parquet", "fit_features"),
    ("predictions/*.parquet", "predict_fold"),
    ("attention/*.parquet", "tile_attention"),
    ("embeddings/*.parquet", "embed"),
    ("probe/*", "probe"),
    ("associate/embedding_components.parquet", "embedding_components"),
    ("associate/*/*", "associate"),
    ("evaluation/*.parquet", "evaluate"),
    ("explain/*/*.parquet", "explain"),
    ("explain/*", "explain_tables"),
    ("evaluation/paper_like.csv*", "paper_like"),
    ("evaluation/*.csv*", "compare"),
    ("pretrain-*/*", "pretrain"),
    ("runs/*/*", "finetune"),
    ("curves.jsonl", "finetune"),
    ("run.json", "finetune"),
    ("batch-*.json", "fetch"),
    ("raw/labels/*", "fetch_labels"),
    ("raw/*/*", "fetch"),
    ("raw/*/*/*", "fetch"),
    ("locks/*.json", "lock"),
    ("preflight.json", "preflight"),
    ("preflight_labels.json", "preflight_labels"),
    ("config.json", "record_config"),
    ("summary.json", "report"),
    ("report.html", "report"),
    ("figures/*", "report"),
)
OF_PARTS, OF_BAGS = "describe_volumes", "describe_bags"
"""The rules that describe a shard of parts: of images, and of bags, whose parts have pictures."""
# What lies beside a file of the rule that its place names says which rule it is of: the first pattern that is found.
_PICTURES = "part-*-of-*.png"
_BESIDE = {
    "shard": ((_PICTURES, OF_BAGS), (PART_PATTERN, OF_PARTS)),
    "shard_volumes": ((_PICTURES, "shard_bags"),),
}
_TRAINS_ON_THE_FIRST = ("prepare_external", "pretrain", "finetune", "fit_genes", "fit_features")
"""Rules that have one name, whichever archive they read."""


def rule_of(path: Path | str) -> str | None:
    """The rule that writes a file, None where its place says nothing; the other archive has rules of its own."""
    place = PurePath(path)
    rule = next((rule for pattern, rule in RULES if place.match(pattern)), None)
    beside = _BESIDE.get(rule or "", ())
    rule = next((other for files, other in beside if any(Path(path).parent.glob(files))), rule)
    return f"{EXTERNAL}_{rule}" if rule and EXTERNAL in place.parts and rule not in _TRAINS_ON_THE_FIRST else rule


def mend_of(path: Path | str) -> str:
    """What to do about a file that is not what was written."""
    rule = rule_of(path)
    again = f"run snakemake with --forcerun {rule}" if rule else "run again what made it"
    return f"delete it and {again}"
