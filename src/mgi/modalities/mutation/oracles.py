"""Labels that mutations tell by themselves: IDH by its hotspots, ATRX and TP53 by any change of the protein.

Source: WHO classification of tumours of the central nervous system, 2021: IDH1 R132 and IDH2 R172.
"""

import numpy as np
from numpy.typing import NDArray

from mgi.modalities.mutation.tumour import GENE_KIND, HOTSPOT_KIND
from mgi.shards.feature_shard import ALL_GENES, OpenFeatures

MUTANT, WILDTYPE = "mutant", "wildtype"
IDH = ("IDH1", "IDH2")


def labels_of(shard: OpenFeatures) -> dict[str, dict[str, str | None]]:
    """The classes of `idh`, `atrx` and `tp53`, by patient.

    Where no change of a protein is known, as in a table of 0 and 1, any mutation of IDH1 or IDH2 counts.
    """
    hotspots = np.flatnonzero(shard.features["kind"] == HOTSPOT_KIND)
    found = {
        "idh": _any(shard, hotspots) if len(hotspots) else _genes(shard, IDH),
        "atrx": _genes(shard, ("ATRX",)),
        "tp53": _genes(shard, ("TP53",)),
    }
    return {name: dict(zip(shard.patient_ids, map(_class, values), strict=True)) for name, values in found.items()}


def _genes(shard: OpenFeatures, names: tuple[str, ...]) -> NDArray[np.float32]:
    """1 where one of the genes is mutated, 0 where none is, NaN where that is not known (n,)."""
    genes = shard.features["kind"] == GENE_KIND
    columns = np.flatnonzero(genes & shard.features["name"].isin(names))
    if len(columns):
        return _any(shard, columns)
    known = shard.about.get(ALL_GENES) is True  # looked at in everybody, and mutated in nobody
    return np.full(len(shard.patient_ids), 0.0 if known else np.nan, np.float32)


def _any(shard: OpenFeatures, columns: NDArray[np.int64]) -> NDArray[np.float32]:
    """1 where any is, NaN where none is and some are not known."""
    values = np.concatenate([found for _, found in shard.row_groups(columns=columns)])
    is_any = (values == 1).any(axis=1)
    return np.where(is_any, 1.0, np.where(np.isnan(values).any(axis=1), np.nan, 0.0)).astype(np.float32)


def _class(value: float) -> str | None:
    return None if np.isnan(value) else MUTANT if value else WILDTYPE
