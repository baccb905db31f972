"""What made the results: package versions, digests, and what each rule cost."""

import csv
import hashlib
import json
import math
import platform
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import mgi
from mgi.core.errors import BadInputError

PACKAGES = (
    "torch", "timm", "monai", "segmentation-models-pytorch", "mamba-ssm", "numpy", "scipy", "pandas", "pyarrow",
    "pydicom", "nibabel", "matplotlib", "jinja2", "requests", "snakemake",
)  # fmt: skip
_RULE = re.compile(r"^\w+")


@dataclass(frozen=True)
class RuleCost:
    """Jobs of one rule: total wall seconds, and the largest resident memory of any (nan where it was not measured)."""

    rule: str
    jobs: int
    wall_seconds: float
    peak_mb: float


def versions() -> dict[str, str]:
    """Versions of Python, mgi and those packages of the pipeline that are installed here."""
    found = {"python": platform.python_version(), "mgi": mgi.__version__}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def config_sha256(config: Mapping[str, Any]) -> str:
    """Digest of the config's content; spacing and key order do not change it."""
    text = json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def rule_costs(folder: Path | str) -> list[RuleCost]:
    """Snakemake's benchmark files, summed by rule: a file is called `<rule>.tsv` or `<rule>-<wildcards>.tsv`.

    A folder that is absent or lacks rules gives what is there. Raises BadInputError where a file has no seconds.
    """
    jobs: dict[str, list[tuple[float, float]]] = {}
    for path in sorted(Path(folder).rglob("*.tsv")):
        named = _RULE.match(path.relative_to(folder).parts[0])
        if named is None:
            continue
        with path.open(encoding="utf-8", newline="") as source:
            for row in csv.DictReader(source, delimiter="\t"):
                seconds = _number(row.get("s"))
                if math.isnan(seconds):
                    raise BadInputError(f"{path}: column 's' holds {row.get('s')!r}, expected seconds")
                jobs.setdefault(named[0], []).append((seconds, _number(row.get("max_rss"))))
    return [
        RuleCost(rule, len(costs), sum(cost[0] for cost in costs), max(_known(cost[1]) for cost in costs) or math.nan)
        for rule, costs in sorted(jobs.items())
    ]


def _number(text: str | None) -> float:
    """Snakemake writes `-` or `NA` for what it could not measure."""
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _known(value: float) -> float:
    return 0.0 if math.isnan(value) else value
