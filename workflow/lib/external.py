"""Another archive to test on: its config, and the table of its scores."""

from collections.abc import Mapping
from typing import Any

from mgi.cohort.labels.settings import LabelSettings
from mgi.core.run import full_cohort_section, split_file

from .config import ConfigError


def external_scores(config: Mapping[str, Any]) -> str:
    """The table of scores on the other archive.

    Raises ConfigError where the config names none.
    """
    if config["external"] is None:
        raise ConfigError("external: found null, expected a section with `modalities`")
    return "<results>/external/evaluation/results.csv"


def split_of(config: Mapping[str, Any], fold: int) -> str:
    """The table that holds a fold."""
    return f"<results>/{split_file(config, fold)}"


def external_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config that ingests the other archive and scores the runs on it, below the results of the first.

    It has no labels: those of the config are of the first cohort. Its own gene order and positions are of no use: the
    genes are those that were fitted on the first cohort.
    """
    given = config["external"]
    fit = {**config["modalities"]["rna"]["fit"], "gene_order": "ensembl", "positions": None}
    return {
        **config,
        "external": None,
        "results": f"{config['results']}/external",
        "simulation": given["simulation"],
        "labels": LabelSettings().plain(),
        "modalities": {**given["modalities"], "rna": {**given["modalities"]["rna"], "fit": fit}},
        "cohort": {name: given[name] for name in config["cohort"]},
        "split": {**config["split"], "folds": config["split"]["folds"] + 1},
        "runs": full_cohort_section(config),
    }
