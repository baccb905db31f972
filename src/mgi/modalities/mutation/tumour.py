"""What the variants of one tumour amount to: genes whose protein is changed, hotspots, and how many there are."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc

from mgi.modalities.mutation.maf import BARCODE, CHANGE, GENE, SYMBOL, Variants

GENE_KIND, HOTSPOT_KIND, BURDEN_KIND = "gene", "hotspot", "burden"
HOTSPOTS: Mapping[str, tuple[str, str]] = {"IDH1:R132": ("IDH1", "p.R132"), "IDH2:R172": ("IDH2", "p.R172")}
"""Residues of a gene by the name of the feature: the mutations that define a class of tumours (WHO 2021)."""


@dataclass(frozen=True, kw_only=True)
class Tumour:
    """Names of the genes whose protein is changed, by id; the hotspots that are, None where changes are not known.

    `burden` counts all variants, silent ones included; None where it is not known.
    """

    genes: Mapping[str, str] = field(default_factory=dict)
    hotspots: frozenset[str] | None = frozenset()
    burden: int | None = 0


def tumour_of(read: Variants) -> Tumour:
    """What a file of one tumour amounts to; without rows no gene is mutated."""
    changed = read.table.filter(read.changes_protein).select([GENE, SYMBOL, CHANGE])
    rows = list(zip(*(column.to_pylist() for column in changed.columns), strict=True))
    return Tumour(
        genes={gene or symbol: symbol for gene, symbol, _ in rows},
        hotspots=None if CHANGE in read.lacking else _hotspots((symbol, change) for _, symbol, change in rows),
        burden=len(read.table),
    )


def tumours_of(read: Variants) -> dict[str, Tumour]:
    """The same of each tumour of a file of many, by its barcode."""
    table = read.table
    labels = pc.unique(table[BARCODE]).to_pylist()
    return {label: tumour_of(_of_one(read, table, label)) for label in labels}


def _of_one(read: Variants, table: pa.Table, label: str) -> Variants:
    return Variants(table=table.filter(pc.equal(table[BARCODE], label)), pragmas={}, lacking=read.lacking)


def _hotspots(rows: Iterable[tuple[str, str]]) -> frozenset[str]:
    return frozenset(
        name
        for symbol, change in rows
        for name, (gene, residue) in HOTSPOTS.items()
        if symbol == gene and change.startswith(residue) and not change[len(residue) :][:1].isdigit()
    )
