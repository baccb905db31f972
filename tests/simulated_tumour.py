"""A tumour to draw molecules of."""

from typing import Any

from mgi_standin.simulation.omics.tumour import Tumour


def tumour_of(subtype: str, name: str = "TCGA-DU-Z001", **changes: Any) -> Tumour:
    """A tumour whose factors are all 0."""
    about = {
        "patient_id": name[:12],
        "factors": dict.fromkeys(("side", "size", "margin", "contrast"), 0.0),
        "purity": 0.8,
        "ploidy": 2,
        "atrx": subtype == "IDHmut-non-codel",
        "tp53": subtype == "IDHmut-non-codel",
    }
    return Tumour(name=name, subtype=subtype, **(about | changes))
