"""Which part of an answer each modality has: shares of attributions over all patients, and of each patient."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mgi.explain.attribution_file import Attributions
from mgi.explain.tables import Interval, preferred, values_in

MODALITIES = (
    "run", "value", "method", "modality", "numbers", "share", "low", "high", "change", "change_low", "change_high",
    "patients", "having",
)  # fmt: skip
MODALITIES_LOCAL = ("run", "value", "method", "patient_id", "modality", "share", "change")


def modality_rows(found: Attributions, interval: Interval) -> Iterator[tuple[Any, ...]]:
    """Rows of MODALITIES; none of a run that reads expression alone.

    `share` is of the sum of |attribution|, a mean over all patients: 0 of who lacks the modality, so shares add up
    to 1. `change` is the sum of the attributions, what the modality adds to the answer. `having` counts the patients of
    whom any number counted.
    """
    for value in values_in(found):
        method = preferred(found, value)
        parts = _parts(found, found.of(value, method))
        for name, (shares, changes, numbers) in parts.items():
            share, change = interval(shares), interval(changes)
            yield (
                found.run.key, value, method, name, numbers, *share, *change, len(shares), int((shares > 0).sum()),
            )  # fmt: skip


def modality_local_rows(found: Attributions) -> Iterator[tuple[Any, ...]]:
    """Rows of MODALITIES_LOCAL: the same of each patient, largest share first, without modalities that are missing."""
    for value in values_in(found):
        method = preferred(found, value)
        rows = found.rows(value, method)
        parts = _parts(found, found.values[rows])
        for number, row in enumerate(rows):
            own = [(name, shares[number], changes[number]) for name, (shares, changes, _) in parts.items()]
            for name, share, change in sorted(own, key=lambda one: -one[1]):
                if share > 0:
                    yield found.run.key, value, method, found.patient_id[row], name, float(share), float(change)


def _parts(
    found: Attributions, values: NDArray[np.float32]
) -> dict[str, tuple[NDArray[np.float64], NDArray[np.float64], int]]:
    """By modality the shares (P,) and sums (P,) of its numbers among all (P, F), and how many numbers it has.

    A patient whose attributions are all 0 has shares of 0.
    """
    whole = np.abs(values.astype(np.float64)).sum(1)
    parts = {}
    for name, span in found.spans.items():
        own = values[:, span].astype(np.float64)
        shares = np.divide(np.abs(own).sum(1), whole, out=np.zeros_like(whole), where=whole > 0)
        parts[name] = shares, own.sum(1), own.shape[1]
    return parts
