"""No command line grows with runs or batches: a shell takes 128 KiB, and the last job would be the first to pass it."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

Jobs = Callable[[str], dict[str, int]]
LIMIT = 32 << 10
DEEP = "results/" + "/".join(["a folder with a long name, as on a cluster's scratch"] * 6)


@pytest.fixture(scope="module")
def large() -> dict[str, Any]:
    """Ten folds with ten seeds each, the leaky runs too, and many batches, in a deep folder."""
    every = {"methods": ["mgi", "unet"], "controls": [], "folds": list(range(10)), "seeds": list(range(10))}
    return {
        "results": DEEP,
        "modalities": {"rna": {"batches": 150}, "flair": {"batches": 150}},
        "split": {"folds": 10},
        "runs": {**every, "leaky_slice_split": {"methods": ["unet"], "folds": [0], "seeds": [0]}},
    }


def test_no_command_passes_32_kib_at_ten_folds_and_ten_seeds(
    tree: Path, snakemake: Any, jobs_of: Jobs, large: dict[str, Any]
) -> None:
    (tree / "large.yaml").write_text(yaml.safe_dump(large))
    options = ("-n", "--printshellcmds", "--quiet", "reason", "--configfile", "config/toy.yaml", "large.yaml")
    listed = snakemake(tree, *options)
    assert listed.returncode == 0, listed.stdout[-3000:]
    assert jobs_of(listed.stdout)["finetune"] == 201
    commands = re.findall(r"^Shell command: (\s+exec.*?)(?=^\[)", listed.stdout, re.MULTILINE | re.DOTALL)
    assert len(commands) == sum(jobs_of(listed.stdout).values())
    assert sum("mgi report" in one for one in commands) == 1
    assert [one[:300] for one in commands if len(one.encode()) > LIMIT] == []
