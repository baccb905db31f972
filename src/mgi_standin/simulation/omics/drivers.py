"""Driver genes of glioma under their real symbols; each has the id of a simulated gene on the arm of the real one.

IDH1 and IDH2 have their hotspot mutations; the other changes are examples of what is found in gliomas.
"""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from mgi_standin.simulation.omics.arms import arms_of, centres_of
from mgi_standin.simulation.omics.tumour import Tumour

ARM_OF = {
    "FUBP1": "1p", "IDH1": "2q", "PIK3CA": "3q", "EGFR": "7p", "NOTCH1": "9q", "PTEN": "10q", "IDH2": "15q",
    "TP53": "17p", "NF1": "17q", "CIC": "19q", "ATRX": "Xq",
}  # fmt: skip
# Chance of a mutation in each subtype. IDH, TP53 and ATRX are attributes of the tumour.
OTHERS = {
    "IDHmut-codel": {"CIC": 0.6, "FUBP1": 0.3, "NOTCH1": 0.2, "PIK3CA": 0.15},
    "IDHmut-non-codel": {"PIK3CA": 0.06, "NOTCH1": 0.04},
    "IDHwt": {"EGFR": 0.4, "PTEN": 0.35, "NF1": 0.2, "PIK3CA": 0.1},
}
IDH2_SHARE, RARE_IDH1_SHARE = 0.07, 0.08
CHANGES: Mapping[str, tuple[tuple[str, str], ...]] = {
    "TP53": (("Missense_Mutation", "p.R273C"), ("Missense_Mutation", "p.R175H"), ("Nonsense_Mutation", "p.R213*"),
             ("Splice_Site", "p.X187_splice"), ("Frame_Shift_Del", "p.P152Rfs*18")),
    "ATRX": (("Frame_Shift_Del", "p.E1464Kfs*6"), ("Nonsense_Mutation", "p.R1426*"),
             ("Frame_Shift_Ins", "p.N294Kfs*12")),
    "CIC": (("Missense_Mutation", "p.R215W"), ("Frame_Shift_Del", "p.G871Afs*23")),
    "FUBP1": (("Nonsense_Mutation", "p.R430*"), ("Splice_Site", "p.X122_splice")),
    "NOTCH1": (("In_Frame_Del", "p.F357del"), ("Missense_Mutation", "p.C382Y")),
    "PIK3CA": (("Missense_Mutation", "p.E545K"), ("In_Frame_Del", "p.E110del")),
    "EGFR": (("Missense_Mutation", "p.A289V"), ("Missense_Mutation", "p.G598V")),
    "PTEN": (("Missense_Mutation", "p.R130Q"), ("Nonsense_Mutation", "p.R233*")),
    "NF1": (("Nonsense_Mutation", "p.R1362*"), ("Frame_Shift_Ins", "p.Y628Tfs*3")),
}  # fmt: skip


class DriverMutation(NamedTuple):
    """One mutation: gene symbol, Variant_Classification and change of the protein (HGVS, short)."""

    symbol: str
    variant_class: str
    change: str


def draw_drivers(tumour: Tumour, rng: np.random.Generator) -> list[DriverMutation]:
    """The mutations that the tumour's classes imply, and further ones that are frequent in its subtype."""
    drawn = []
    second, rare = rng.random() < IDH2_SHARE, rng.random() < RARE_IDH1_SHARE
    if tumour.idh and second:
        drawn.append(DriverMutation("IDH2", "Missense_Mutation", "p.R172K"))
    elif tumour.idh:
        drawn.append(DriverMutation("IDH1", "Missense_Mutation", "p.R132C" if rare else "p.R132H"))
    mutated = [name for name, is_so in (("TP53", tumour.tp53), ("ATRX", tumour.atrx)) if is_so]
    mutated += [name for name, chance in OTHERS[tumour.subtype].items() if rng.random() < chance]
    return drawn + [DriverMutation(name, *CHANGES[name][int(rng.integers(len(CHANGES[name])))]) for name in mutated]


def driver_rows(genes: pd.DataFrame) -> dict[str, int]:
    """Symbol -> row number in the table of genes: a protein-coding gene of its own on the arm.

    In a small table the arm may have none left; then one of the chromosome is taken, else any.
    """
    arms, coding = arms_of(genes, centres_of(genes)), (genes["gene_type"] == "protein_coding").to_numpy()
    taken: dict[str, int] = {}
    for symbol, arm in ARM_OF.items():
        free = coding & ~np.isin(np.arange(len(genes)), list(taken.values()))
        there = genes["chromosome"].to_numpy() == f"chr{arm[:-1]}"
        taken[symbol] = _first(free & (arms == arm), free & there, free)
    return taken


def _first(*choices: NDArray[np.bool_]) -> int:
    return next(int(np.flatnonzero(choice)[0]) for choice in choices if choice.any())
