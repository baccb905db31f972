"""What scale expression values are on, as far as they show it: linear or logs, and patients on a scale of their own.

log2(TPM + 1) stays below 20 (TPM sum to a million), log2 of any count, RSEM or FPKM value below 50. Linear values pass
50 in every profile of a cell; z-scores are negative for about half of the patients, and pass 50 as well.
"""

import math
from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mgi.core.errors import BadInputError
from mgi.core.scratch_table import HeldTable, Table, by_columns
from mgi.modalities.rna.filter import AS_GIVEN, LOG_TPM

Kind = Literal["linear", "logs", "centred"]
NAMES: dict[Kind, str] = {
    "linear": "linear values (TPM, FPKM, RSEM, counts)",
    "logs": "logarithms",
    "centred": "centred values (z-scores, log ratios)",
}
MOST_LOG, MOST_LOG_TPM = 50.0, math.log2(1e6 + 1)
ODD = 10.0
"""How many times the median patient's distance or level makes a patient odd; real z-scores reach 4.3."""
_GENES_COMPARED = 4000
_FEWEST = 4  # patients; of fewer nobody can tell which one is odd
_SLACK = 1e-3  # rounding on the way


def kind_of_values(values: NDArray[np.floating]) -> Kind:
    """Linear, logs or centred, by the least and the greatest of the values."""
    if float(values.min()) < -_SLACK:
        return "centred"
    return "linear" if float(values.max()) > MOST_LOG else "logs"


def scale_note(values: NDArray[np.floating]) -> str:
    """What the values of a table look like, in a line."""
    kind = kind_of_values(values)
    told = f"values from {values.min():.4g} to {values.max():.4g} look like {NAMES[kind]}"
    if kind == "linear":
        told += "; a few patients rule the z-scores of such values, log2(x + 1) is usual"
    return told


def require_unit(values: NDArray[np.floating], unit: str, labels: Sequence[str], where: str) -> None:
    """Refuse values (L,), NaN where missing, that `unit` (log2 of x + 1, or as given) cannot have."""
    if unit == AS_GIVEN or np.isnan(values).all():
        return
    most = MOST_LOG_TPM if unit == LOG_TPM else MOST_LOG
    low, high = int(np.nanargmin(values)), int(np.nanargmax(values))
    if values[high] > most + _SLACK:
        raise BadInputError(
            f"{where}: gene {labels[high]}: found {values[high]:.6g}, expected {unit}, at most {most:.0f}; "
            "the values look linear: give their log2(x + 1)"
        )
    if values[low] < -_SLACK:
        raise BadInputError(
            f"{where}: gene {labels[low]}: found {values[low]:.6g}, expected {unit}, at least 0; the values look like "
            "z-scores or log ratios"
        )


def other_scale(
    values: NDArray[np.floating], mean: NDArray[np.floating], std: NDArray[np.floating]
) -> tuple[str, str] | None:
    """What values (…, K) and those of training, with this mean and deviation of each gene, look like; None where both
    may be on one scale.
    """
    found: Kind = kind_of_values(values)
    trained: dict[Kind, tuple[bool, Kind]] = {
        "linear": (float((mean + 3 * std).max()) <= MOST_LOG, "logs"),
        "logs": (float(mean.max()) > MOST_LOG and float(mean.min()) >= 0, "linear"),
        "centred": (float(np.median(mean)) > float(np.median(std)) and float(mean.min()) >= 0, kind_of_values(mean)),
    }
    differs, expected = trained[found]
    return (NAMES[found], NAMES[expected]) if differs else None


def some_genes(n_genes: int) -> slice:
    """Up to 4,000 genes, evenly spaced, which are enough to tell a patient's scale."""
    return slice(None, None, -(-n_genes // _GENES_COMPARED) or 1)


def patients_out_of_scale(values: NDArray[np.floating] | Table, patients: Sequence[str]) -> list[str]:
    """A line for each patient whose values (n, G) are 10 times as far from the median profile as the median patient's,
    or 10 times as high or low as that profile, and what that does to the others' z-scores.
    """
    if len(patients) < _FEWEST:
        return []
    some = HeldTable(values[:, some_genes(values.shape[1])]) if isinstance(values, np.ndarray) else values
    centre = by_columns(some, lambda few: np.median(few.astype(np.float64), axis=0))
    distance = np.concatenate([np.abs(few - centre).mean(axis=1) for few in some.row_blocks()])
    usual = float(np.median(distance))
    has_level = centre @ centre > usual**2 * len(centre)  # z-scores have none
    by_block = [few @ centre / (centre @ centre) if has_level else np.ones(len(few)) for few in some.row_blocks()]
    level = np.concatenate(by_block)
    factors = distance / usual if usual else np.ones(len(patients))
    far = factors > ODD
    odd = np.flatnonzero(far | (level > ODD) | (level < 1 / ODD))
    if not len(odd) or len(odd) > len(patients) // 2:
        return []
    others = by_columns(some, lambda few: np.delete(few, odd, axis=0).std(axis=0, dtype=np.float64))
    all_ = by_columns(some, lambda few: few.std(axis=0, dtype=np.float64))
    varied = (all_ > 0) & (others > 0)
    shrink = float(np.median(others[varied] / all_[varied])) if varied.any() else 1.0
    lines = [
        f"{patients[row]}: values are {factors[row]:.3g} times as far from the median profile as the median patient's"
        + (f", and {level[row]:.3g} times as high as that profile" if has_level else "")
        for row in odd.tolist()
    ]
    return [*lines, f"with {len(odd)} such patients the z-scores of all others are {shrink:.2g} of what they would be; "
            "leave them out, or set modalities.rna.fit.scaler: robust"]  # fmt: skip
