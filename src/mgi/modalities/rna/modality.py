"""Gene expression: STAR counts of the GDC, or a table of the user's own."""

from collections.abc import Mapping
from typing import Any

from mgi.modalities.gdc.absence import absent_of
from mgi.modalities.modality import Modality

POSITIONS = "positions"
ANNOTATED = "tables/gene_positions.tsv"
"""The table that is made of an annotation, below the results folder."""


def shard_inputs(section: Mapping[str, Any]) -> dict[str, str]:
    """Where genes lie: the user's table, or the annotation's where the order by position asks."""
    fit = section["fit"]
    if fit["positions"] is not None:
        return {POSITIONS: fit["positions"]}
    return {POSITIONS: f"<results>/{ANNOTATED}"} if fit["gene_order"] == "position" else {}


MODALITY = Modality(
    name="rna",
    shard_format="table",
    settings="mgi.modalities.rna.settings:RnaSettings",
    fetching="mgi.modalities.rna.sources.opening",
    sharding="mgi.modalities.rna.shard",
    own_files={"matrix": "table"},
    shard_keys=("unit",),
    shared_keys=("ignore",),
    shard_inputs=shard_inputs,
    absent=absent_of("expression"),
)
