"""How far each modality moves the image encoder, by what validation patients show that the image says of it.

A modality that the image says nothing of can only be learned by heart, and the image encoder pays for it: it is shared.
So each modality pulls on the image encoder by how sure it is that its retrieval is better than a guess. The modality's
own encoder learns at full weight all the same; what it finds then shows at the next validation.
"""

import math
from collections.abc import Mapping, Sequence

PREFIX = "image_weight_"


def certainty(mean_rank: float, patients: int) -> float:
    """The share of the ranks' gain over a guess that is more than luck, from 0 to 1.

    By chance the mean of `patients` ranks is (P + 1) / 2 with a variance of (P^2 - 1) / 12 P. With z the gain in
    deviations it is 1 - 1 / z^2, the positive part of the estimator of James and Stein, and 0 for a z of 1 or less.
    """
    if patients < 2:
        return 0.0
    z = ((patients + 1) / 2 - mean_rank) / math.sqrt((patients**2 - 1) / (12 * patients))
    return 1 - 1 / z**2 if z > 1 else 0.0


def measured_weights(figures: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """By name the weight, with mean 1, from the figures of a validation; all alike where none beats a guess."""
    sure = {
        name: certainty(figures[f"mean_rank_{name}"], int(figures[f"validation_patients_{name}"]))
        for name in names
        if f"mean_rank_{name}" in figures
    }
    whole = math.fsum(sure.values())
    return {name: len(names) * sure.get(name, 0.0) / whole if whole > 0 else 1.0 for name in names}


def weights_in(point: Mapping[str, float], names: Sequence[str]) -> dict[str, float]:
    """The weights that a point of the curve tells; all alike where it tells none."""
    return {name: float(point.get(f"{PREFIX}{name}", 1.0)) for name in names}
