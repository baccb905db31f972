"""Files that the workflow does not make: the user's own tables and archives, and the simulated archive's place."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any


def archive_folder(config: Mapping[str, Any]) -> str | None:
    """Folder of the simulated archive, or None where the real ones are asked."""
    return None if config["simulation"] is None else f"{config['results']}/archive"


def archive_files(config: Mapping[str, Any]) -> list[str]:
    """The file that marks the simulated archive as complete, as a rule's input; none where the real ones are asked."""
    return [] if config["simulation"] is None else ["<results>/archive/archive.json"]


def expression_table(config: Mapping[str, Any]) -> str | None:
    """The user's expression table, where the config asks for one."""
    return config["modalities"]["rna"]["table"] if config["modalities"]["rna"]["source"] == "matrix" else None


def image_table(config: Mapping[str, Any]) -> str | None:
    """The user's zip or folder of images and masks, where the config asks for one."""
    place = {"kaggle": "archive", "nifti": "folder", "dicom": "folder"}.get(config["modalities"]["flair"]["source"])
    return None if place is None else config["modalities"]["flair"][place]


def image_lists(config: Mapping[str, Any]) -> list[str]:
    """The user's lists of series and of patients that are there, as a rule's input."""
    return [*existing(config["modalities"]["flair"]["manifest"]), *existing(config["modalities"]["flair"]["patients"])]


def positions_table(config: Mapping[str, Any]) -> list[str]:
    """Where genes lie, as a rule's input: the user's table, or the annotation's where the order by position asks."""
    if _fit(config)["positions"] is not None:
        return [_fit(config)["positions"]]
    return ["<results>/tables/gene_positions.tsv"] if _fit(config)["gene_order"] == "position" else []


def gene_list(config: Mapping[str, Any]) -> list[str]:
    """The user's list of genes, as a rule's input, where the config filters by it."""
    return [_fit(config)["gene_list"]] if _fit(config)["gene_filter"] == "list" else []


def pathways(config: Mapping[str, Any]) -> list[str]:
    """The user's file of gene sets, as a rule's input, where the config makes tokens of them."""
    return [config["model"]["pathways"]] if config["model"]["gene_tokens"] == "pathway" else []


def existing(path: str | None) -> list[str]:
    """The path as a rule's input if the file is there.

    One that is missing is left to the preflight, which names it; the graph of jobs stays complete without it. A
    folder is never an input: its time says nothing about the files in it. The lock pins their digests instead, and a
    job that meets other bytes stops.
    """
    return [path] if path is not None and Path(path).is_file() else []


def option(name: str, value: str | None) -> list[str]:
    """`name value` for a command line, or nothing where there is no value."""
    return [] if value is None else [name, value]


def _fit(config: Mapping[str, Any]) -> Mapping[str, Any]:
    fit: Mapping[str, Any] = config["modalities"]["rna"]["fit"]
    return fit
