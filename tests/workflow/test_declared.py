"""A job on another machine has only the files that its rule declares: who reads a shard declares all of it."""

import re
from pathlib import Path

import pytest

RULES = Path(__file__).parents[2] / "workflow/rules"
INPUT = re.compile(r"^    input:\n((?:        .*\n)+)", re.MULTILINE)
RUN_IMAGE = "RUN_IMAGE.shard[-1]"  # the description of what the runs read as the image
FILES = {
    "/shards/flair/dataset.json": ("SCAN_FILES", "IMAGE_FILES", "OUTSIDE_IMAGES"),
    RUN_IMAGE: ("IMAGE_FILES",),
    "/shards/rna/dataset.json": ("EXPRESSION_FILES",),
}
WORDS_ALONE = {"report.smk: report": "/shards/rna/dataset.json"}
"""Who reads a description and nothing of what it describes."""
READERS = {
    f"{path.name}: {name}": found[1]
    for path in sorted(RULES.glob("*.smk"))
    for name, text in re.findall(r"^(?:use )?rule (\w+).*\n((?:[ \n].*\n|\n)*)", path.read_text(), re.MULTILINE)
    if (found := INPUT.search(text)) and any(described in found[1] for described in FILES)
}


def test_the_rules_that_read_shards_are_found() -> None:
    assert {"shards.smk: prepare_slices", "fit.smk: fit_genes", "train.smk: finetune"} <= READERS.keys()
    assert len(READERS) >= 10


@pytest.mark.parametrize("rule", READERS)
def test_a_rule_that_reads_a_shard_declares_the_files_that_its_description_names(rule: str) -> None:
    for described, files in FILES.items():
        if described in READERS[rule] and WORDS_ALONE.get(rule) != described:
            assert any(name in READERS[rule] for name in files), f"{rule}: declares {described} alone"
