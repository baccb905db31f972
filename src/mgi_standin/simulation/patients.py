"""What one simulated patient is, before it becomes files."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class SimulatedPatient:
    """One patient: latent programmes, relative expression, and a FLAIR volume with its lesion.

    `log_expression` (G,) is the natural logarithm of relative expression; `volume` (S, H, W) is in scanner units,
    at least 0, inferior to superior; `mask` (S, H, W) marks the tumour alone, never its look-alikes.
    """

    patient_id: str
    site: str
    subtype: str
    programmes: dict[str, float]
    log_expression: NDArray[np.float64]
    volume: NDArray[np.float32]
    mask: NDArray[np.bool_]
    spacing_mm: tuple[float, float, float]
