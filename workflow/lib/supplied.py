"""Files that the workflow does not make: the user's own tables and archives, and the simulated archive's place."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from snakemake.io import local


def archive_files(config: Mapping[str, Any]) -> list[str]:
    """The file that marks the simulated archive as complete, as a rule's input; none where the real ones are asked."""
    return [] if config["simulation"] is None else [local("<local_results>/archive/archive.json")]


def archive_option(wildcards: Any, input: Any) -> list[str]:  # noqa: A002 - Snakemake's name for it
    """The folder of a job's simulated archive, for its command line; nothing where the real ones are asked."""
    return option("--archive", next((str(Path(path).parent) for path in input.archive), None))


def own(paths: Iterable[str]) -> list[str]:
    """The user's files as rules' inputs: where the config says, whatever prefix a module or store a run has.

    Those of our own results among them (`<results>/…`) stay as they are.
    """
    return [path if path.startswith("<results>/") else local(path) for path in paths]


def gene_list(config: Mapping[str, Any]) -> list[str]:
    """The user's list of genes, as a rule's input, where the config filters by it."""
    return [_fit(config)["gene_list"]] if _fit(config)["gene_filter"] == "list" else []


def existing(path: str | None) -> list[str]:
    """The path as a rule's input if the file is there.

    One that is missing is left to the preflight, which names it; the graph of jobs stays complete without it. A
    folder is never an input: its time says nothing about the files in it. The lock pins their digests instead, and a
    job that meets other bytes stops.
    """
    return [path] if path is not None and Path(path).is_file() else []


def label_table(config: Mapping[str, Any]) -> list[str]:
    """The user's table of labels, as a rule's input, where the config reads one; the simulated archive makes one."""
    table = config["labels"]["table"]
    return [] if table is None else _simulated(config, table, "labels.tsv") or existing(table)


def explained_sets(config: Mapping[str, Any]) -> list[str]:
    """The user's file of gene sets that are explained, as a rule's input; the simulated archive makes one."""
    path = (config["explain"] or {"gene_sets": None})["gene_sets"]
    return [] if path is None else _simulated(config, path, "latent_factors.gmt") or [path]


def _simulated(config: Mapping[str, Any], path: str, name: str) -> list[str]:
    """The file of this name that the simulated archive will have, where the path is that; else nothing."""
    named = config["simulation"] is not None and Path(path) == Path(config["results"]) / "archive" / name
    return [f"<local_results>/archive/{name}"] if named else []


def label_options(wildcards: Any, input: Any) -> list[str]:  # noqa: A002 - Snakemake's name for it
    """Where a job finds what the labels are read from, for its command line."""
    table, cases = (next(iter(paths), None) for paths in (input.table, input.cases))
    told = [f"{Path(path).parent.name}={path}" for path in map(str, input.oracles) if path.endswith("/dataset.json")]
    return [*option("--table", table), *option("--cases", cases), *(["--oracles", *told] if told else [])]


def label_cases(config: Mapping[str, Any]) -> list[str]:
    """The cases of the GDC, as a rule's input, where the config takes labels from them."""
    return ["<results>/raw/labels/cases.json"] if config["labels"]["source"] == "gdc" else []


def label_preflight(config: Mapping[str, Any]) -> list[str]:
    """What was found of the user's table before the cohort was known, where the config reads one."""
    return ["<results>/preflight_labels.json"] if config["labels"]["source"] == "table" else []


def option(name: str, value: str | None) -> list[str]:
    """`name value` for a command line, or nothing where there is no value."""
    return [] if value is None else [name, value]


def _fit(config: Mapping[str, Any]) -> Mapping[str, Any]:
    fit: Mapping[str, Any] = config["modalities"]["rna"]["fit"]
    return fit
