"""Another archive to test on: its config, and the table of its scores."""

from collections.abc import Mapping
from typing import Any

from mgi.core.run_table import full_cohort_section, split_file

from .config import ConfigProblemError


def external_scores(config: Mapping[str, Any]) -> str:
    """The table of scores on the other archive.

    Raises ConfigProblemError where the config names none.
    """
    if config["external"] is None:
        raise ConfigProblemError("external: found null, expected a section with `images` and `expression`")
    return "<results>/external/evaluation/results.csv"


def split_of(config: Mapping[str, Any], fold: int) -> str:
    """The table that holds a fold."""
    return f"<results>/{split_file(config, fold)}"


def external_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config that ingests the other archive and scores the runs on it, below the results of the first.

    Its own gene order and positions are of no use: the genes are those that were fitted on the first cohort.
    """
    given = config["external"]
    return {
        **config,
        "external": None,
        "results": f"{config['results']}/external",
        **{name: given[name] for name in ("simulation", "expression", "images")},
        "cohort": {"exclude": given["exclude"]},
        "genes": {**config["genes"], "gene_order": "ensembl", "positions": None},
        "split": {**config["split"], "folds": config["split"]["folds"] + 1},
        "runs": full_cohort_section(config),
    }
