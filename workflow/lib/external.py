"""Another archive to test on: its config, and the training runs that are tested there.

Those runs train on the whole configured cohort: on the fold of the number after the last, which tests nobody.
"""

from collections.abc import Mapping
from typing import Any

from .config import ConfigError
from .runs import RunSpec, run_table


def whole_runs(config: Mapping[str, Any]) -> dict[str, RunSpec]:
    """The runs on the whole cohort by key; none where the config names no other archive."""
    return {} if config["external"] is None else run_table(_whole(config))


def external_scores(config: Mapping[str, Any]) -> str:
    """The table of scores on the other archive.

    Raises ConfigError where the config names none.
    """
    if config["external"] is None:
        raise ConfigError("external: found null, expected a section with `modalities`")
    return "<results>/external/evaluation/dice.csv"


def split_of(config: Mapping[str, Any], fold: int) -> str:
    """The table that holds a fold."""
    return f"<results>/tables/{'split' if fold < config['split']['folds'] else 'whole'}.parquet"


def external_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The config that ingests the other archive and scores the runs on it, below the results of the first.

    Its own gene order and positions are of no use: the genes are those that were fitted on the first cohort.
    """
    given = config["external"]
    fit = {**config["modalities"]["rna"]["fit"], "gene_order": "ensembl", "positions": None}
    return {
        **config,
        "external": None,
        "results": f"{config['results']}/external",
        "simulation": given["simulation"],
        "modalities": {**given["modalities"], "rna": {**given["modalities"]["rna"], "fit": fit}},
        "cohort": {name: given[name] for name in config["cohort"]},
        "split": {**config["split"], "folds": config["split"]["folds"] + 1},
        "runs": _whole(config),
    }


def _whole(config: Mapping[str, Any]) -> dict[str, Any]:
    return {**config["runs"], "folds": [config["split"]["folds"]], "slice_split": None}
