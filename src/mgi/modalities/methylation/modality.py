"""DNA methylation: beta values of SeSAMe at the GDC, or a table of the user's own."""

from collections.abc import Mapping
from typing import Any

from mgi.modalities.gdc.absence import absent_of
from mgi.modalities.gdc.aliquots import other_sample
from mgi.modalities.modality import Modality

POSITIONS = "positions"


def shard_inputs(section: Mapping[str, Any]) -> dict[str, str]:
    """Where probes lie, where the user says it."""
    return {} if section["positions"] is None else {POSITIONS: section["positions"]}


MODALITY = Modality(
    name="methylation",
    shard_format="table",
    settings="mgi.modalities.methylation.settings:MethylationSettings",
    fetching="mgi.modalities.methylation.opening",
    sharding="mgi.modalities.methylation.shard",
    fitting="mgi.modalities.methylation.fitting",
    own_files={"matrix": "table"},
    shard_keys=("positions",),
    shard_inputs=shard_inputs,
    absent=absent_of("methylation"),
    told=other_sample,
    same_sample_as="rna",
)
