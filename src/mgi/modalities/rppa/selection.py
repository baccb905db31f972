"""Which antibodies a fold's models see, by how many of its training patients have them."""

import numpy as np

from mgi.core.column_moments import ColumnMoments
from mgi.modalities.rppa.settings import RppaFitSettings

CONSTANT = "zero variance in training"


def drop_reasons(moments: ColumnMoments, settings: RppaFitSettings) -> list[str | None]:
    """Why each antibody (F,) is dropped: missing in too many training patients, or all alike; None where it is kept."""
    missing = f"missing in more than {settings.max_missing:.0%} of training patients"
    rules = {missing: moments.missing_share > settings.max_missing, CONSTANT: ~(moments.variance > 0)}
    return [why or None for why in np.select(list(rules.values()), list(rules), "").tolist()]
