"""A job on another machine has only the files that its rule declares: who reads a shard declares all of it."""

import re
from pathlib import Path

import pytest

RULES = Path(__file__).parents[2] / "workflow/rules"
INPUT = re.compile(r"^    input:\n((?:        .*\n)+)", re.MULTILINE)
FILES = {"flair": ("IMAGE_FILES", "OUTSIDE_IMAGES"), "rna": ("EXPRESSION_FILES",)}
WORDS_ALONE = {"report.smk: report": "rna"}
"""Who reads a description and nothing of what it describes."""
READERS = {
    f"{path.name}: {name}": found[1]
    for path in sorted(RULES.glob("*.smk"))
    for name, text in re.findall(r"^(?:use )?rule (\w+).*\n((?:[ \n].*\n|\n)*)", path.read_text(), re.MULTILINE)
    if (found := INPUT.search(text)) and re.search(r"/shards/(?:flair|rna)/dataset\.json", found[1])
}


def test_the_rules_that_read_shards_are_found() -> None:
    assert {"shards.smk: prepare_slices", "fit.smk: fit_genes", "train.smk: finetune"} <= READERS.keys()
    assert len(READERS) >= 10


@pytest.mark.parametrize("rule", READERS)
def test_a_rule_that_reads_a_shard_declares_the_files_that_its_description_names(rule: str) -> None:
    for modality, files in FILES.items():
        if f"/shards/{modality}/dataset.json" in READERS[rule] and WORDS_ALONE.get(rule) != modality:
            assert any(name in READERS[rule] for name in files), (
                f"{rule}: reads the shard of {modality}, and declares its description alone"
            )
