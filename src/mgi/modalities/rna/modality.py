"""Gene expression: STAR counts of the GDC, or a table of the user's own."""

from collections.abc import Mapping, Sequence
from typing import Any

from mgi.core.ids import PRIMARY_TUMOUR, sample_code_of
from mgi.locks.item import Item
from mgi.modalities.gdc.aliquots import TIED
from mgi.modalities.modality import Modality

POSITIONS = "positions"
ANNOTATED = "tables/gene_positions.tsv"
"""The table that is made of an annotation, below the results folder."""


def absent(items: Sequence[Item]) -> str:
    """Why a patient has no expression: no choice among several, no primary tumour, or nothing at all."""
    if any(item.reason.startswith(TIED) for item in items):
        return "several expression profiles that nothing tells apart"
    codes = [sample_code_of(item.sample or "") for item in items]
    no_primary = bool(items) and PRIMARY_TUMOUR not in codes and None not in codes
    return "no primary tumour sample" if no_primary else "no expression"


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
    absent=absent,
)
