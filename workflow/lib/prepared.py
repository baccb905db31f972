"""Slices at the network's size: where they lie, and how they are made."""

import json
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from snakemake.io import local

from mgi.core.run import IMAGE, images_of, prepared_table


def prepared_folders(config: Mapping[str, Any]) -> dict[str, str]:
    """By the name of their folder how slices are prepared, as JSON; whole heads, and copies without scalp."""
    model = {key: config["model"][key] for key in ("image_size", "image_crop")}
    return {
        PurePath(prepared_table(config, stripped=stripped)).parts[1]: json.dumps({**model, "stripped": stripped})
        for stripped in (False, True)
    }


def prepared_slices(config: Mapping[str, Any]) -> list[Any]:
    """The table of the slices that every network sees, where the runs read a scan; slides are read from their shard.

    The files that it names are not declared, so it stays here.
    """
    return [local(f"<local_results>/{prepared_table(config)}")] if IMAGE in images_of(config["runs"]) else []


def prepared_option(wildcards: Any, input: Any) -> list[str]:  # noqa: A002 - Snakemake's name for it
    """The same table for a job's command line, where it has one."""
    return ["--prepared", str(input.prepared[0])] if input.prepared else []


def stripped_slices(config: Mapping[str, Any], settings: Mapping[str, Any]) -> list[Any]:
    """The table of the slices without scalp, where a training with these settings draws some."""
    draws = settings["augment"]["skull_strip"] > 0 and IMAGE in images_of(config["runs"])
    return [local(f"<local_results>/{prepared_table(config, stripped=True)}")] if draws else []
