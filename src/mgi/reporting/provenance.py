"""What made the results: code, package versions and machine, digests, and what each rule cost."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

import mgi
from mgi.core.errors import BadInputError
from mgi.core.files import digest_of

PACKAGES = (
    "torch", "timm", "monai", "segmentation-models-pytorch", "mamba-ssm", "numpy", "scipy", "pandas", "pyarrow",
    "pydicom", "nibabel", "matplotlib", "jinja2", "requests", "snakemake",
)  # fmt: skip
_RULE = re.compile(r"^\w+")


def versions() -> dict[str, str]:
    """Versions of Python, mgi and those packages of the pipeline that are installed here."""
    found = {"python": platform.python_version(), "mgi": mgi.__version__}
    for package in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            found[package] = metadata.version(package)
    return found


def config_sha256(config: Mapping[str, Any]) -> str:
    """Digest of the config's content; spacing and key order do not change it."""
    return digest_of([json.dumps(config, sort_keys=True, separators=(",", ":"), ensure_ascii=False)])


def rule_costs(folder: Path | str) -> list[dict[str, Any]]:
    """Snakemake's benchmark files by rule: jobs, summed `wall_seconds`, and the largest `peak_mb` (nan: not measured).

    A file is called `<rule>.tsv` or `<rule>-<wildcards>.tsv`; a folder that is absent or lacks rules gives what is
    there. Raises BadInputError where a file is no table or has no seconds.
    """
    jobs = []
    for path in sorted(Path(folder).rglob("*.tsv")):
        rule = _RULE.match(path.relative_to(folder).parts[0])
        if rule is None:
            continue
        try:
            given = pd.read_csv(path, sep="\t", dtype=str).reindex(columns=["s", "max_rss"])
        except ValueError as error:
            raise BadInputError(f"{path}: not a table ({' '.join(str(error).split())}); delete it") from None
        numbers = given.apply(pd.to_numeric, errors="coerce")  # Snakemake writes `-` for what it could not measure
        if (unknown := numbers["s"].isna()).any():
            raise BadInputError(f"{path}: column 's' holds {given.loc[unknown, 's'].iloc[0]!r}, expected seconds")
        jobs.append(numbers.assign(rule=rule[0]))
    if not jobs:
        return []
    by_rule = pd.concat(jobs).groupby("rule")
    costs = by_rule.agg(jobs=("s", "size"), wall_seconds=("s", "sum"), peak_mb=("max_rss", "max")).reset_index()
    return [{str(name): value for name, value in row.items()} for row in costs.to_dict("records")]


def commit() -> str | None:
    """The commit of this code, with `-dirty` where files differ from it; None outside of its git repository."""
    folder = Path(mgi.__file__).parent
    git = ["git", "-C", str(folder)]
    try:
        # Installed into a folder that another repository ignores, mgi is not of that repository's commit.
        subprocess.run([*git, "ls-files", "--error-unmatch", "__init__.py"], capture_output=True, check=True)
        describe = [*git, "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(describe, capture_output=True, text=True, check=True).stdout.strip() or None
    except (OSError, subprocess.CalledProcessError):
        return None


def machine() -> str:
    """Cores, processor, memory and system of this machine, in words."""
    about = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*:(.*)", about.read_text() if about.exists() else "", re.MULTILINE)
    model = found[1].strip() if found else platform.machine()
    gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1024**3
    return f"{os.cpu_count()} cores, {model}, {gib:.0f} GiB, {platform.system()}, Python {platform.python_version()}"
