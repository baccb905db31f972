"""Files that the workflow does not make: the user's own tables and archives, and the simulated archive's place."""

from collections.abc import Mapping, Sequence
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
    return config["expression"]["table"] if config["expression"]["source"] == "matrix" else None


def image_table(config: Mapping[str, Any]) -> str | None:
    """The user's zip or folder of images and masks, where the config asks for one."""
    place = {"kaggle": "archive", "nifti": "folder", "dicom": "folder"}.get(config["images"]["source"])
    return None if place is None else config["images"][place]


def image_lists(config: Mapping[str, Any]) -> list[str]:
    """The user's lists of series and of patients that are there, as a rule's input."""
    return [*existing(config["images"]["manifest"]), *existing(config["images"]["patients"])]


def positions_table(config: Mapping[str, Any]) -> list[str]:
    """Where genes lie, as a rule's input: the user's table, or the annotation's where the order by position asks."""
    if config["genes"]["positions"] is not None:
        return [config["genes"]["positions"]]
    return ["<results>/tables/gene_positions.tsv"] if config["genes"]["gene_order"] == "position" else []


def gene_list(config: Mapping[str, Any]) -> list[str]:
    """The user's list of genes, as a rule's input, where the config filters by it."""
    return [config["genes"]["gene_list"]] if config["genes"]["gene_filter"] == "list" else []


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


def folder_of(files: Sequence[str]) -> str:
    """The folder of a shard whose files a rule declares; commands take the folder."""
    return str(Path(files[0]).parent)
