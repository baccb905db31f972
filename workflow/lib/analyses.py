"""Analyses that a config asks for beside the task, and what the report reads of each."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

EXPLAIN_TABLES = ("global", "gene_sets", "local", "deletion", "checks")
FILES: Mapping[str, Sequence[str]] = {
    "explain": [*(f"{name}.csv{end}" for name in EXPLAIN_TABLES for end in ("", ".sha256")), "attention.parquet"],
}
"""By the name of the config section, which is that of the folder too: the files that its rule makes."""


def analysis_files(config: Mapping[str, Any]) -> list[str]:
    """The files of every analysis that the config asks for."""
    return [f"<results>/{name}/{file}" for name, files in FILES.items() if config[name] for file in files]


def analysis_options(paths: Iterable[Any]) -> list[str]:
    """The report's options for the folders that hold these files, each once."""
    folders = dict.fromkeys(PurePosixPath(str(path)).parent for path in paths)
    return [part for folder in folders for part in (f"--{folder.name}", str(folder))]
