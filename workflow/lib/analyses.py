"""Analyses that a config asks for beside the task, and what the report reads of each."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from .association import association_files

TEXTS = ("probes.csv", "survival.csv", "retrieval.csv", "retrieval_modalities.csv")
"""What the rule probe writes for people."""
EXPLAIN_TABLES = ("global", "gene_sets", "local", "modalities", "modalities_local", "deletion", "checks")
FILES: Mapping[str, Sequence[str] | Callable[[Mapping[str, Any]], Sequence[str]]] = {
    "probe": [*TEXTS, *(f"{text}.sha256" for text in TEXTS), "out_of_fold.parquet", "maps.parquet"],
    "explain": [*(f"{name}.csv{end}" for name in EXPLAIN_TABLES for end in ("", ".sha256")), "attention.parquet"],
    "associate": association_files,
}
"""By the name of the config section, which is that of the folder too: the files that its rules make, or what names them
by the config."""


def analysis_files(config: Mapping[str, Any]) -> list[str]:
    """The files of every analysis that the config asks for."""
    asked = {name: files(config) if callable(files) else files for name, files in FILES.items() if config[name]}
    return [f"<results>/{name}/{file}" for name, files in asked.items() for file in files]


def analysis_options(paths: Iterable[Any]) -> list[str]:
    """The report's options for the folders that hold these files, each once."""
    above = (PurePosixPath(str(path)).parents for path in paths)
    folders = dict.fromkeys(next(folder for folder in parents if folder.name in FILES) for parents in above)
    return [part for folder in folders for part in (f"--{folder.name}", str(folder))]
