"""Each file of the results names the rule that makes it again."""

import re
from pathlib import Path

import pytest

from mgi.core.mending import OF_BAGS, OF_PARTS, RULES, mend_of, rule_of

WORKFLOW = Path(__file__).parents[3] / "workflow/rules"


def test_every_rule_that_is_named_exists() -> None:
    known = set(
        re.findall(
            r"^(?:use )?rule (?:\w+ as )?(\w+)(?: with)?:",
            "".join(path.read_text() for path in WORKFLOW.glob("*.smk")),
            re.MULTILINE,
        )
    )
    assert {OF_PARTS, OF_BAGS, *(rule for _, rule in RULES)} <= known


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("results/x/tables/cohort.tsv.sha256", "cohort"),
        ("results/x/tables/lesion_features_predicted.parquet", "lesion_features"),
        ("results/x/associate/embedding_components.parquet", "embedding_components"),
        ("results/x/associate/lesion-subtype/hits.tsv", "associate"),
        ("results/x/tables/split_sites.tsv", "split"),
        ("results/x/shards/rna/dataset.json", "shard"),
        ("results/x/shards/flair/part-1-of-4.parquet", "shard_volumes"),
        ("results/x/shards/flair/part-1-of-4.json", "shard_volumes"),
        ("results/x/shards/slides/tiles.parquet", "shard_bags"),
        ("results/x/shards/slides/slides.parquet", "describe_bags"),
        ("results/x/prepared/64px-none/slices.parquet", "prepare_slices"),
        ("results/x/prepared/64px-none/patients/ab.npy", "prepare_slices"),
        ("results/x/raw/rna/files/ab.tsv", "fetch"),
        ("results/x/runs/pretrain-fold0-seed0/run.json", "pretrain"),
        ("results/x/runs/unet-fold0-seed0/weights.safetensors", "finetune"),
        ("results/x/evaluation/results.csv", "compare"),
        ("results/x/evaluation/paper_like.csv", "paper_like"),
        ("results/x/external/evaluation/unet-fold2-seed0.parquet", "external_evaluate"),
        ("results/x/external/aligned/split.parquet", "prepare_external"),
        ("results/x/external/shards/flair/part-1-of-4.parquet", "external_shard_volumes"),
    ],
)
def test_a_file_is_made_again_by_the_rule_that_wrote_it(path: str, rule: str) -> None:
    assert rule_of(path) == rule
    assert mend_of(path) == f"delete it and run snakemake with --forcerun {rule}"


def test_the_description_of_parts_is_made_again_by_a_rule_of_its_own(tmp_path: Path) -> None:
    described = tmp_path / "shards/x/dataset.json"
    assert rule_of(described) == "shard"
    described.parent.mkdir(parents=True)
    (described.parent / "part-1-of-1.json").touch()
    assert rule_of(described) == "describe_volumes"
    bags = tmp_path / "shards/y/dataset.json"
    bags.parent.mkdir()
    (bags.parent / "part-1-of-1.png").touch()
    assert rule_of(bags) == "describe_bags"
    assert {rule_of(bags.with_name(f"part-1-of-1.{ending}")) for ending in ("png", "json")} == {"shard_bags"}


def test_a_file_of_no_rule_says_what_can_be_said() -> None:
    assert mend_of("elsewhere/x.parquet") == "delete it and run again what made it"
